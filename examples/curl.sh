#!/usr/bin/env bash
# A tour of a running server with curl: start `rankine demo` (or `rankine serve`) first, then examples/curl.sh.
# Other addresses: SITE=http://127.0.0.1:7010 REST=http://127.0.0.1:9501 examples/curl.sh
set -euo pipefail
site=${SITE:-http://127.0.0.1:6010}
rest=${REST:-http://127.0.0.1:8501}
user=${1:-6}

step() { printf '\n== %s\n' "$*"; }
get() { curl --silent --show-error --fail "$1" | cut --bytes=1-400; }

step "a film"
get "$site/getmovie?id=1"
step "the best of a genre"
get "$site/getrecommendation?genre=Action&size=2&sortby=rating"
step "films like it"
get "$site/getsimilarmovie?movieId=1&size=2"
step "what user $user may like"
get "$site/getrecforyou?id=$user&size=2&model=widedeep"

step "which version of which model answered"
curl --silent --show-error --fail --output /dev/null --dump-header - \
    "$site/getrecforyou?id=$user&size=1&model=neuralcf" | grep '^x-rankine'

# This writes: a user of its own, so that nobody's history changes.
step "a new user rates Toy Story; the very next request knows it"
curl --silent --show-error --fail --header 'content-type: application/json' \
    --data '{"user":100001,"item":1,"kind":"rating","value":5,"event_id":"examples/curl.sh"}' "$site/events"
echo
get "$site/getrecforyou?id=100001&size=1&model=emb"

step "a fault says which parameter, what was expected, what came (status 400)"
curl --silent --write-out '\n%{http_code}\n' "$site/getrecforyou?id=six"

step "TensorFlow Serving's REST: two ids are enough"
curl --silent --show-error --fail --data "{\"instances\":[{\"userId\":$user,\"movieId\":52}]}" \
    "$rest/v1/models/recmodel:predict"
echo
step "metrics"
curl --silent --show-error --fail "$rest/metrics" | grep '^rankine_model{'
