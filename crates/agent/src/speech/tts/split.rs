//! Cutting a VITS model in two, so that sound can leave before the sentence is finished.
//!
//! A Piper voice is one graph: text becomes frames of a hidden picture (quick), and frames become
//! sound (slow, but each piece of sound depends only on the frames around it). Cut between the
//! two, the first quarter of a second of any sentence is ready after a few hundredths.
//!
//! This reads just enough of the ONNX format (protocol buffers) to divide the nodes and weights,
//! and copies everything else byte for byte. A model that does not look as expected is not cut.

use std::collections::{BTreeMap, BTreeSet};

/// The node that first looks at the frames, in every Piper export.
const FIRST_SOUND_NODE: &[u8] = b"/dec/conv_pre/Conv";

/// Field numbers of `ModelProto`, `GraphProto`, `NodeProto`, `TensorProto`, `ValueInfoProto`.
const MODEL_GRAPH: u64 = 7;
const GRAPH_NODE: u64 = 1;
const GRAPH_WEIGHT: u64 = 5;
const GRAPH_INPUT: u64 = 11;
const GRAPH_OUTPUT: u64 = 12;
const GRAPH_VALUE: u64 = 13;
const NODE_INPUT: u64 = 1;
const NODE_OUTPUT: u64 = 2;
const NODE_NAME: u64 = 3;
const NODE_ATTRIBUTE: u64 = 5;
const ATTRIBUTE_GRAPH: u64 = 6;
const WEIGHT_NAME: u64 = 8;
const VALUE_NAME: u64 = 1;
const VALUE_TYPE: u64 = 2;

/// Wire type of everything with a length.
const BYTES: u64 = 2;

/// The two halves, each a model of its own.
pub(super) struct Halves {
    /// Text to frames. Its only output is named `frames`.
    pub(super) front: Vec<u8>,
    /// Frames to sound. Its only input is named `frames`.
    pub(super) back: Vec<u8>,
    /// Name of the value that passes between them.
    pub(super) frames: String,
}

/// Cuts a model, if it is of the expected kind.
pub(super) fn split(model: &[u8]) -> Option<Halves> {
    let (rest, graph) = take(model, MODEL_GRAPH)?;
    let graph = Graph::parse(graph)?;
    let frames = graph
        .nodes
        .iter()
        .find(|n| n.name == FIRST_SOUND_NODE)?
        .inputs
        .first()?;
    let sounding = graph.reached_from(frames);
    let tied = graph.inputs_of(&sounding, frames);
    // The sound half may lean on weights, but on nothing else of the text half.
    let leans = tied.iter().any(|name| graph.made_by(name, &sounding));
    let whole = graph
        .outputs
        .iter()
        .all(|o| sounding.iter().any(|n| n.outputs.contains(&o.name)));
    if leans || !whole || sounding.is_empty() || sounding.len() == graph.nodes.len() {
        return None;
    }
    let back = graph.half(&sounding, &tied, Some(frames), None);
    let silent: Vec<&Node<'_>> = graph
        .nodes
        .iter()
        .filter(|n| !sounding.iter().any(|s| std::ptr::eq(*s, *n)))
        .collect();
    let kept = graph.all_inputs(&silent);
    let front = graph.half(&silent, &kept, None, Some(frames));
    let frames = String::from_utf8(frames.to_vec()).ok()?;
    Some(Halves {
        front: with_graph(&rest, &front),
        back: with_graph(&rest, &back),
        frames,
    })
}

/// A graph, as slices of the file.
struct Graph<'a> {
    nodes: Vec<Node<'a>>,
    weights: BTreeMap<&'a [u8], &'a [u8]>,
    inputs: Vec<Value<'a>>,
    outputs: Vec<Value<'a>>,
    /// Fields that belong to both halves, each with its key.
    others: Vec<&'a [u8]>,
}

struct Node<'a> {
    bytes: &'a [u8],
    name: &'a [u8],
    inputs: Vec<&'a [u8]>,
    outputs: Vec<&'a [u8]>,
    /// Names that graphs inside the node use.
    inner: Vec<&'a [u8]>,
}

struct Value<'a> {
    bytes: &'a [u8],
    name: &'a [u8],
}

impl<'a> Graph<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut graph = Self {
            nodes: Vec::new(),
            weights: BTreeMap::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            others: Vec::new(),
        };
        for field in fields(bytes) {
            let field = field?;
            let value = || {
                Some(Value {
                    bytes: field.body,
                    name: text(field.body, VALUE_NAME)?,
                })
            };
            match field.number {
                GRAPH_NODE => graph.nodes.push(Node::parse(field.body)?),
                GRAPH_WEIGHT => {
                    graph
                        .weights
                        .insert(text(field.body, WEIGHT_NAME)?, field.body);
                }
                GRAPH_INPUT => graph.inputs.push(value()?),
                GRAPH_OUTPUT => graph.outputs.push(value()?),
                // Shapes of inner values are only a hint.
                GRAPH_VALUE => {}
                _ => graph.others.push(field.whole),
            }
        }
        Some(graph)
    }

    /// Nodes that depend on `value`; the file lists nodes after those they depend on.
    fn reached_from(&self, value: &'a [u8]) -> Vec<&Node<'a>> {
        let mut tainted = BTreeSet::from([value]);
        let mut reached = Vec::new();
        for node in &self.nodes {
            if node
                .inputs
                .iter()
                .chain(&node.inner)
                .any(|input| tainted.contains(input))
            {
                tainted.extend(&node.outputs);
                reached.push(node);
            }
        }
        reached
    }

    fn all_inputs(&self, nodes: &[&Node<'a>]) -> BTreeSet<&'a [u8]> {
        nodes
            .iter()
            .flat_map(|n| n.inputs.iter().chain(&n.inner))
            .copied()
            .collect()
    }

    /// What `nodes` take from outside themselves, apart from `frames`.
    fn inputs_of(&self, nodes: &[&Node<'a>], frames: &[u8]) -> BTreeSet<&'a [u8]> {
        let made: BTreeSet<&[u8]> = nodes
            .iter()
            .flat_map(|n| n.outputs.iter().copied())
            .collect();
        let mut inputs = self.all_inputs(nodes);
        inputs.retain(|name| !name.is_empty() && *name != frames && !made.contains(name));
        inputs
    }

    /// Whether a node outside `except`, or the caller, makes this value.
    fn made_by(&self, name: &[u8], except: &[&Node<'a>]) -> bool {
        let outside = |n: &&Node<'a>| !except.iter().any(|e| std::ptr::eq(*e, *n));
        self.inputs
            .iter()
            .any(|input| input.name == name && !self.weights.contains_key(name))
            || self
                .nodes
                .iter()
                .filter(outside)
                .any(|n| n.outputs.contains(&name))
    }

    /// A graph of these nodes, with the weights they name. `from` replaces the inputs, `to` the
    /// outputs.
    fn half(
        &self,
        nodes: &[&Node<'a>],
        used: &BTreeSet<&'a [u8]>,
        from: Option<&[u8]>,
        to: Option<&[u8]>,
    ) -> Vec<u8> {
        let mut out = Vec::new();
        for node in nodes {
            put(&mut out, GRAPH_NODE, node.bytes);
        }
        for (name, weight) in &self.weights {
            if used.contains(name) {
                put(&mut out, GRAPH_WEIGHT, weight);
            }
        }
        match from {
            Some(name) => put(&mut out, GRAPH_INPUT, &float_value(name)),
            None => self
                .inputs
                .iter()
                .for_each(|v| put(&mut out, GRAPH_INPUT, v.bytes)),
        }
        match to {
            Some(name) => put(&mut out, GRAPH_OUTPUT, &float_value(name)),
            None => self
                .outputs
                .iter()
                .for_each(|v| put(&mut out, GRAPH_OUTPUT, v.bytes)),
        }
        self.others
            .iter()
            .for_each(|field| out.extend_from_slice(field));
        out
    }
}

impl<'a> Node<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut node = Self {
            bytes,
            name: b"",
            inputs: Vec::new(),
            outputs: Vec::new(),
            inner: Vec::new(),
        };
        for field in fields(bytes) {
            let field = field?;
            match field.number {
                NODE_INPUT => node.inputs.push(field.body),
                NODE_OUTPUT => node.outputs.push(field.body),
                NODE_NAME => node.name = field.body,
                NODE_ATTRIBUTE => {
                    for inner in fields(field.body) {
                        let inner = inner?;
                        if inner.number == ATTRIBUTE_GRAPH {
                            let graph = Graph::parse(inner.body)?;
                            let names = |n: &Node<'a>| [n.inputs.clone(), n.inner.clone()].concat();
                            node.inner.extend(graph.nodes.iter().flat_map(names));
                        }
                    }
                }
                _ => {}
            }
        }
        Some(node)
    }
}

/// One field of a message.
struct Field<'a> {
    number: u64,
    /// Key and body.
    whole: &'a [u8],
    /// Body, where it has a length.
    body: &'a [u8],
}

/// The fields of a message; `None` where the bytes make no sense.
fn fields(mut bytes: &[u8]) -> impl Iterator<Item = Option<Field<'_>>> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let field = field(bytes);
        bytes = field
            .as_ref()
            .and_then(|f| bytes.get(f.whole.len()..))
            .unwrap_or_default();
        Some(field)
    })
}

fn field(bytes: &[u8]) -> Option<Field<'_>> {
    let (key, after_key) = varint(bytes)?;
    let (number, wire) = (key >> 3, key & 7);
    let (body, end): (&[u8], usize) = match wire {
        0 => (&[], bytes.len() - varint(after_key)?.1.len()),
        1 => (&[], bytes.len() - after_key.len() + 8),
        BYTES => {
            let (length, rest) = varint(after_key)?;
            let length = usize::try_from(length).ok()?;
            (rest.get(..length)?, bytes.len() - rest.len() + length)
        }
        5 => (&[], bytes.len() - after_key.len() + 4),
        _ => return None,
    };
    Some(Field {
        number,
        whole: bytes.get(..end)?,
        body,
    })
}

fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    for (index, byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f).checked_shl(u32::try_from(index).ok()? * 7)?;
        if byte & 0x80 == 0 {
            return Some((value, bytes.get(index + 1..)?));
        }
    }
    None
}

/// The body of the only field `number`, and every other field.
fn take(message: &[u8], number: u64) -> Option<(Vec<&[u8]>, &[u8])> {
    let (mut rest, mut found) = (Vec::new(), None);
    for field in fields(message) {
        let field = field?;
        if field.number == number {
            found = Some(field.body);
        } else {
            rest.push(field.whole);
        }
    }
    Some((rest, found?))
}

fn text(message: &[u8], number: u64) -> Option<&[u8]> {
    fields(message)
        .flatten()
        .find(|f| f.number == number)
        .map(|f| f.body)
}

fn with_graph(rest: &[&[u8]], graph: &[u8]) -> Vec<u8> {
    let mut model = Vec::with_capacity(graph.len() + 1024);
    rest.iter().for_each(|field| model.extend_from_slice(field));
    put(&mut model, MODEL_GRAPH, graph);
    model
}

/// A value of single-precision numbers of any shape.
fn float_value(name: &[u8]) -> Vec<u8> {
    // TypeProto { tensor_type: Tensor { elem_type: FLOAT } }
    let float = [0x0a, 0x02, 0x08, 0x01];
    let mut value = Vec::new();
    put(&mut value, VALUE_NAME, name);
    put(&mut value, VALUE_TYPE, &float);
    value
}

fn put(out: &mut Vec<u8>, number: u64, body: &[u8]) {
    put_varint(out, number << 3 | BYTES);
    put_varint(out, body.len() as u64);
    out.extend_from_slice(body);
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push((value & 0x7f) as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str, inputs: &[&str], outputs: &[&str]) -> Vec<u8> {
        let mut bytes = Vec::new();
        inputs
            .iter()
            .for_each(|i| put(&mut bytes, NODE_INPUT, i.as_bytes()));
        outputs
            .iter()
            .for_each(|o| put(&mut bytes, NODE_OUTPUT, o.as_bytes()));
        put(&mut bytes, NODE_NAME, name.as_bytes());
        bytes
    }

    fn weight(name: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        put(&mut bytes, WEIGHT_NAME, name.as_bytes());
        bytes
    }

    /// text -> z -> sound, each step with a weight.
    fn model(sound_also_takes: &[&str]) -> Vec<u8> {
        let mut graph = Vec::new();
        put(
            &mut graph,
            GRAPH_NODE,
            &node("/enc", &["text", "w1"], &["m"]),
        );
        put(&mut graph, GRAPH_NODE, &node("/flow", &["m"], &["z"]));
        put(
            &mut graph,
            GRAPH_NODE,
            &node("/dec/conv_pre/Conv", &["z", "w2"], &["a"]),
        );
        let last = [&["a"], sound_also_takes].concat();
        put(
            &mut graph,
            GRAPH_NODE,
            &node("/dec/Tanh", &last, &["sound"]),
        );
        put(&mut graph, GRAPH_WEIGHT, &weight("w1"));
        put(&mut graph, GRAPH_WEIGHT, &weight("w2"));
        put(&mut graph, GRAPH_INPUT, &float_value(b"text"));
        put(&mut graph, GRAPH_OUTPUT, &float_value(b"sound"));
        let mut model = vec![0x08, 0x08];
        put(&mut model, MODEL_GRAPH, &graph);
        model
    }

    fn shape(half: &[u8]) -> (usize, Vec<String>, String, String) {
        let (_, graph) = take(half, MODEL_GRAPH).unwrap();
        let graph = Graph::parse(graph).unwrap();
        let name = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let weights = graph.weights.keys().map(|w| name(w)).collect();
        (
            graph.nodes.len(),
            weights,
            name(graph.inputs[0].name),
            name(graph.outputs[0].name),
        )
    }

    #[test]
    fn each_half_gets_its_nodes_and_weights() {
        let halves = split(&model(&[])).unwrap();
        assert_eq!(halves.frames, "z");
        assert_eq!(
            shape(&halves.front),
            (2, vec!["w1".into()], "text".into(), "z".into())
        );
        assert_eq!(
            shape(&halves.back),
            (2, vec!["w2".into()], "z".into(), "sound".into())
        );
        assert!(halves.back.starts_with(&[0x08, 0x08]));
    }

    #[test]
    fn a_model_whose_halves_are_entangled_is_left_whole() {
        assert!(split(&model(&["m"])).is_none());
        assert!(split(&model(&["text"])).is_none());
    }

    #[test]
    fn garbage_is_left_alone() {
        let good = model(&[]);
        for cut in 0..good.len() {
            assert!(split(good.get(..cut).unwrap()).is_none());
        }
        assert!(split(&[0xff; 64]).is_none());
    }
}
