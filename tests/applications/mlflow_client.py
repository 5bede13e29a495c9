"""MLflow's client records a run with a metric and an artifact, and reads both. Its token comes from
MLFLOW_TRACKING_TOKEN."""
import json
import os
import pathlib
import tempfile

import mlflow

mlflow.set_tracking_uri(os.environ["URL"])
name = "a b;c é.txt"
with tempfile.TemporaryDirectory() as folder:
    file = pathlib.Path(folder, name)
    file.write_text("what was measured")
    with mlflow.start_run() as run:
        mlflow.log_metric("loss", 0.5)
        mlflow.log_artifact(str(file))
    metric = mlflow.get_run(run.info.run_id).data.metrics["loss"]
    got = mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path=name, dst_path=folder + "/got")
    print(json.dumps({"metric": metric, "artifact": pathlib.Path(got).read_text()}))
