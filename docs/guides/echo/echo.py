"""Answers with the headers that it saw: flask --app echo run, or gunicorn echo:app."""

from flask import Flask, jsonify, request

app = Flask(__name__)
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


@app.route("/", defaults={"path": ""}, methods=METHODS)
@app.route("/<path:path>", methods=METHODS)
def echo(path):
    # As a Flask app sees them: in capitals, with `_` for `-`.
    return jsonify({name: value for name, value in request.environ.items() if name.startswith("HTTP_")})
