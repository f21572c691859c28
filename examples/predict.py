#!/usr/bin/env python3
"""Scores films for a user over TensorFlow Serving's REST API, with the standard library alone.

Start `rankine demo` (or `rankine serve`), then:  examples/predict.py [--url URL] [--model NAME] USER FILM [FILM ...]
"""

import argparse
import json
import urllib.error
import urllib.request


def call(url, body=None):
    """The JSON answer; a refusal ends the program with the server's own words."""
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data), timeout=10) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as refusal:
        raise SystemExit(f"{refusal.code}: {json.load(refusal)['error']}")
    except urllib.error.URLError as fault:
        raise SystemExit(f"{url}: {fault.reason} (is the server running?)")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", default="http://127.0.0.1:8501")
    parser.add_argument("--model", default="widedeep")
    parser.add_argument("user", type=int)
    parser.add_argument("films", type=int, nargs="+", metavar="film")
    asked = parser.parse_args()
    model = f"{asked.url}/v1/models/{asked.model}"

    version = call(model)["model_version_status"][0]["version"]
    # Two ids are enough: what an instance leaves out comes from the server's feature rows.
    instances = [{"userId": asked.user, "movieId": film} for film in asked.films]
    # The version in the path: all scores are of the one just named.
    scores = call(f"{model}/versions/{version}:predict", {"instances": instances})["predictions"]

    print(f"{asked.model} version {version}, user {asked.user}")
    for film, (score,) in sorted(zip(asked.films, scores), key=lambda pair: -pair[1][0]):
        print(f"{score:8.4f}  film {film}")


if __name__ == "__main__":
    main()
