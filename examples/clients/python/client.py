"""Asks Larder over gRPC: pip install grpcio grpcio-tools, then python3 client.py [ITEM_ID]

The stubs are made from the contract when this starts; a service of your own would generate them once and keep them.
"""
import os, pathlib, sys
import grpc

proto = pathlib.Path(__file__).resolve().parents[3] / "proto" / "proto"
sys.path.insert(0, str(proto))
messages, services = grpc.protos_and_services("larder/v1/recommendation.proto")

address = os.environ.get("GRPC_ADDR", "127.0.0.1:50051")
request = messages.RecommendRequest(
    placement="pdp.similar",
    seed_items=[messages.SeedItem(item_id=sys.argv[1] if len(sys.argv) > 1 else "P00042")],
    page_size=8,
    item_fields=["title", "price"],
)
with grpc.insecure_channel(address) as channel:
    try:
        answer = services.RecommendationServiceStub(channel).Recommend(request, timeout=0.5)
    except grpc.RpcError as error:
        sys.exit(f"{error.code().name}: {error.details()}")
for item in answer.items:
    print(f"{item.rank:2}. {item.properties['title']}  {item.properties['price']:.2f}  ({item.item_id})")
