// Walks a tileset with Cesium's 3d-tiles-tools: node tileset.cjs FOLDER/tileset.json
// Prints of each tile: its level, its raw JSON, its contents, and whether they are there.
const path = require("node:path");
const { ResourceResolvers, TilesetTraverser } = require("3d-tiles-tools");

async function main() {
  const folder = path.dirname(process.argv[2]);
  const resolver = ResourceResolvers.createFileResourceResolver(folder);
  const tileset = JSON.parse(await resolver.resolveData(path.basename(process.argv[2])));
  const tiles = [];
  const traverser = new TilesetTraverser(folder, resolver, { depthFirst: true, traverseExternalTilesets: true });
  await traverser.traverse(tileset, async (tile) => {
    const { children, ...raw } = tile.asFinalTile();
    const contents = [];
    for (const content of tile.getFinalContents()) {
      const data = await tile.getResourceResolver().resolveData(content.uri);
      contents.push({ uri: content.uri, bytes: data ? data.length : 0 });
    }
    tiles.push({ level: tile.level, raw, contents, children: (await tile.getChildren()).length });
    return true;
  });
  console.log(JSON.stringify({ version: tileset.asset.version, tiles }));
}

main();
