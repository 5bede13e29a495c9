"""Writes grafana/dashboards/*.json. With --check it writes nothing, names the files that differ
from what would be written, and ends with 1."""

import argparse
import json
import sys
from pathlib import Path

# Nothing but the dashboards is written.
sys.dont_write_bytecode = True
FOLDER = Path(__file__).resolve().parent.parent / "dashboards"

try:
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
except ImportError:
    sys.exit("grafana-foundation-sdk is missing: grafana/README.md says how to get it (./dev tools).")

import abuse
import capacity
import overview
import upstreams
import verify_path

PAGES = {
    "overview.json": overview.page,
    "abuse.json": abuse.page,
    "upstreams.json": upstreams.page,
    "verify-path.json": verify_path.page,
    "capacity.json": capacity.page,
}


def main():
    options = argparse.ArgumentParser(prog="python grafana/generate", description=__doc__)
    options.add_argument("--check", action="store_true", help="only say which files differ")
    check = options.parse_args().check
    wanted = {name: rendered(page()) for name, page in PAGES.items()}
    there = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.json")}
    if check:
        differing = sorted(name for name in wanted.keys() | there.keys() if wanted.get(name) != there.get(name))
        for name in differing:
            print(f"grafana/dashboards/{name} is not what is generated: run `python grafana/generate`")
        return 1 if differing else 0
    FOLDER.mkdir(exist_ok=True)
    for name in sorted(there.keys() - wanted.keys()):
        (FOLDER / name).unlink()
        print(f"grafana/dashboards/{name} was not one of these, and is gone")
    for name, text in wanted.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
        print(f"grafana/dashboards/{name}")
    return 0


def rendered(page):
    return json.dumps(page, cls=JSONEncoder, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.exit(main())
