const express = require("express");
const sharp = require("sharp");
const left = require("left");
const app = express();
app.get("/", async (request, response) => {
  const png = await sharp({ create: { width: 4, height: 4, channels: 3, background: "red" } }).png().toBuffer();
  response.json({ padded: left("5", 3), format: (await sharp(png).metadata()).format });
});
app.listen(8000);
