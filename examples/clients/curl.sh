#!/bin/sh
# Asks Larder over HTTP: sh curl.sh [ITEM_ID]. Start `larder serve` first.
http="${HTTP_URL:-http://127.0.0.1:8080}"
admin="${ADMIN_URL:-http://127.0.0.1:9090}"
item="${1:-P00042}"
set -ex

# Cacheable, non-personal: the answer has an etag and a max-age.
curl -sS -w '\n' "$http/v1/placements/pdp.similar/recommendations?seed=$item&n=4&fields=title,price"

# Everything else is a POST with the gRPC messages as JSON; the client gives the answer 50 ms.
curl -sS -w '\n' "$http/v1/placements/pdp.similar:recommend" -H 'x-request-timeout-ms: 50' -d '{
  "subject": {"visitorId": "v-1"},
  "seedItems": [{"itemId": "'"$item"'", "role": "VIEWING"}],
  "filter": "price < $most", "filterParams": {"most": 40},
  "pageSize": 4, "itemFields": ["title", "price"]
}'

# All the slates of a page, no item twice.
curl -sS -w '\n' "$http/v1/recommendations:batch" -d '{
  "seedItems": [{"itemId": "'"$item"'"}], "deduplicate": true,
  "slots": [{"slotId": "similar", "placement": "pdp.similar", "pageSize": 4},
            {"slotId": "cart", "placement": "cart.complements", "pageSize": 4}]
}'

# What is served, and since when.
curl -sS -w '\n' "$admin/status"
