/** A layered layout of a small graph from left to right. Labels of edges are boxes of their own, so nothing overlaps. */

const GAP_X = 34;
const GAP_Y = 14;
const SWEEPS = 12;

/**
 * Places nodes and edges. `size(text, isLabel)` gives `{w, h}` of a box. An edge has `from`, `to` and `labels`.
 * Gives `{width, height, nodes, edges}`: nodes with their box, edges with the points of their line and the box of their label.
 */
export function layout(names, edges, size) {
  const forward = withoutCycles(names, edges);
  const rank = ranks(names, forward);
  const boxes = names.map((name) => ({ name, layer: rank.get(name) * 2, ...size([name], false), before: [], after: [] }));
  const byName = new Map(boxes.map((box) => [box.name, box]));
  const all = [...boxes];
  const lines = forward.map((edge) => {
    const [start, end] = [byName.get(edge.from), byName.get(edge.to)];
    const between = [];
    for (let layer = start.layer + 1; layer < end.layer; layer += 1) {
      // The label stands where the edge begins, which is the one place that another long edge seldom crosses.
      between.push({ layer, before: [], after: [], ...(layer === start.layer + 1 ? size(edge.labels, true) : { w: 0, h: 4 }) });
    }
    const path = [start, ...between, end];
    for (let index = 1; index < path.length; index += 1) {
      path[index - 1].after.push(path[index]);
      path[index].before.push(path[index - 1]);
    }
    all.push(...between);
    return { edge, path, label: between[0] };
  });
  const layers = layered(all);
  order(layers);
  const height = placeY(layers);
  const width = placeX(layers);
  return { width, height, nodes: boxes, edges: lines.map(({ edge, path, label }) => drawn(edge, path, label)) };
}

/** The edges, of which those that close a cycle are turned round (`back`). */
function withoutCycles(names, edges) {
  const [open, done] = [new Set(), new Set()];
  const found = [];
  const visit = (name) => {
    open.add(name);
    for (const edge of edges.filter((each) => each.from === name && each.to !== name)) {
      if (open.has(edge.to)) found.push({ ...edge, from: edge.to, to: edge.from, back: true });
      else {
        found.push(edge);
        if (!done.has(edge.to)) visit(edge.to);
      }
    }
    open.delete(name);
    done.add(name);
  };
  names.forEach((name) => done.has(name) || visit(name));
  return found;
}

/** For each name the length of the longest way to it. */
function ranks(names, edges) {
  const found = new Map(names.map((name) => [name, 0]));
  for (let turn = 0; turn < names.length; turn += 1) {
    for (const { from, to } of edges) found.set(to, Math.max(found.get(to), found.get(from) + 1));
  }
  return found;
}

function layered(boxes) {
  const layers = Array.from({ length: Math.max(-1, ...boxes.map((box) => box.layer)) + 1 }, () => []);
  boxes.forEach((box) => layers[box.layer].push(box));
  return layers;
}

const mean = (numbers) => numbers.reduce((sum, each) => sum + each, 0) / numbers.length;

/** Orders each layer by the mean place of the neighbours, to and fro. */
function order(layers) {
  const number = (layer) => layer.forEach((box, index) => (box.place = index));
  layers.forEach(number);
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const side = sweep % 2 ? "after" : "before";
    for (const layer of sweep % 2 ? layers.toReversed() : layers) {
      const wish = new Map(layer.map((box) => [box, box[side].length ? mean(box[side].map((each) => each.place)) : box.place]));
      layer.sort((one, other) => wish.get(one) - wish.get(other));
      number(layer);
    }
  }
}

/** Stacks each layer, then moves every box towards its neighbours as far as the order allows. Gives the height. */
function placeY(layers) {
  for (const layer of layers) {
    let y = 0;
    for (const box of layer) {
      box.y = y;
      y += box.h + GAP_Y;
    }
  }
  const middle = (box) => box.y + box.h / 2;
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    for (const layer of sweep % 2 ? layers.toReversed() : layers) {
      const wishes = layer.map((box) => {
        const near = [...box.before, ...box.after];
        return near.length ? mean(near.map(middle)) - box.h / 2 : box.y;
      });
      settle(layer, wishes);
    }
  }
  const all = layers.flat();
  const top = Math.min(...all.map((box) => box.y));
  all.forEach((box) => (box.y -= top));
  return Math.max(0, ...all.map((box) => box.y + box.h));
}

/** Gives each box of a layer a place as near to its wish as the gaps allow; overlapping ones share the difference. */
function settle(layer, wishes) {
  const groups = [];
  layer.forEach((box, index) => {
    let group = { boxes: [box], y: wishes[index], h: box.h, weight: 1 };
    while (groups.length && groups.at(-1).y + groups.at(-1).h + GAP_Y > group.y) {
      const above = groups.pop();
      const shift = above.h + GAP_Y;
      const weight = above.weight + group.weight;
      group = {
        boxes: [...above.boxes, ...group.boxes],
        y: (above.y * above.weight + (group.y - shift) * group.weight) / weight,
        h: shift + group.h,
        weight,
      };
    }
    groups.push(group);
  });
  for (const { boxes, y } of groups) {
    let next = y;
    for (const box of boxes) {
      box.y = next;
      next += box.h + GAP_Y;
    }
  }
}

function placeX(layers) {
  let x = 0;
  for (const layer of layers) {
    const w = Math.max(0, ...layer.map((box) => box.w));
    layer.forEach((box) => (box.x = x + (w - box.w) / 2));
    x += w + GAP_X;
  }
  return Math.max(0, x - GAP_X);
}

function drawn({ from, to, back, ...edge }, path, label) {
  const points = [];
  path.forEach((box, index) => {
    const y = box.y + box.h / 2;
    if (index > 0) points.push([box.x, y]);
    if (index < path.length - 1 && !(index > 0 && box.w === 0)) points.push([box.x + box.w, y]);
  });
  return back ? { ...edge, from: to, to: from, points: points.reverse(), label } : { ...edge, from, to, points, label };
}
