// Asks Larder over gRPC: npm install, then node client.js [ITEM_ID]
const path = require("node:path");
const grpc = require("@grpc/grpc-js");
const loader = require("@grpc/proto-loader");

const contract = path.join(__dirname, "../../../proto/proto/larder/v1/recommendation.proto");
const { larder } = grpc.loadPackageDefinition(
  loader.loadSync(contract, { includeDirs: [path.join(__dirname, "../../../proto/proto")] }),
);
const address = process.env.GRPC_ADDR ?? "127.0.0.1:50051";
const client = new larder.v1.RecommendationService(address, grpc.credentials.createInsecure());

const request = {
  placement: "pdp.similar",
  seedItems: [{ itemId: process.argv[2] ?? "P00042" }],
  pageSize: 8,
  itemFields: ["title", "price"],
};
client.recommend(request, { deadline: Date.now() + 500 }, (error, answer) => {
  client.close();
  if (error) throw error;
  for (const { rank, itemId, properties } of answer.items) {
    const { title, price } = properties.fields; // google.protobuf.Value: one of stringValue, numberValue…
    console.log(`${rank}. ${title.stringValue}  ${price.numberValue.toFixed(2)}  (${itemId})`);
  }
});
