"""An empty library, as the models of calibre-web have it, and the settings that its administrator would
make in "Basic Configuration"."""
import os
import sqlite3
import sys

from sqlalchemy import create_engine

# It reads the command line while it is imported.
sys.argv = sys.argv[:1]
from calibreweb.cps import db

folder = os.environ["FOLDER"]
settings = {
    "config_port": int(os.environ["PORT"]),
    "config_calibre_dir": f"{folder}/library",
    "config_uploading": 1,
    "config_allow_reverse_proxy_header_login": 1,
    "config_reverse_proxy_login_header_name": "Remote-User",
    # The gateway's address.
    "config_reverse_proxy_trusted_ips": "127.0.0.1",
}
os.mkdir(f"{folder}/library")
engine = create_engine(f"sqlite:///{folder}/library/metadata.db")
with engine.begin() as connection:
    tables = connection.execution_options(schema_translate_map={"calibre": None})
    db.Base.metadata.create_all(tables)
    connection.exec_driver_sql("insert into library_id (uuid) values ('6b1a4b4c-0c5e-4c57-8f4b-0b8f6f3f2a11')")
with sqlite3.connect(f"{folder}/app.db") as own:
    for name, value in settings.items():
        own.execute(f"update settings set {name} = ?", (value,))
    own.execute("update user set name = ? where name = 'admin'", (os.environ["EMAIL"],))
