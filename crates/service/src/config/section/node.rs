//! Any value of a file, kept until somebody knows what it is to be.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

use crate::config::report::Place;

/// Any value of a file, with its place. What it holds is not shown, since it may be a key.
#[derive(Clone)]
pub struct Node(pub(super) Spanned<Shape>);

#[derive(Clone)]
pub(super) enum Shape {
    Nothing,
    /// One value. What YAML takes for a number or a truth is read again as it was typed.
    One(String, Kind),
    List(Vec<Node>),
    Keys(Vec<(Spanned<String>, Node)>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Number,
    Truth,
}

impl Node {
    /// Itself as a list: one alone is a list of one, nothing is an empty one.
    pub fn each(&self) -> &[Self] {
        match &self.0.value {
            Shape::Nothing => &[],
            Shape::List(items) => items,
            Shape::One(..) | Shape::Keys(_) => std::slice::from_ref(self),
        }
    }

    /// Where it stands.
    pub fn place(&self) -> Place {
        (&self.0).into()
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Node")
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Spanned::deserialize(deserializer).map(Self)
    }
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Shapes)
    }
}

struct Shapes;

impl<'de> Visitor<'de> for Shapes {
    type Value = Shape;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value, a list or keys with values")
    }

    fn visit_unit<E: Error>(self) -> Result<Shape, E> {
        Ok(Shape::Nothing)
    }

    fn visit_none<E: Error>(self) -> Result<Shape, E> {
        Ok(Shape::Nothing)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Shape, E> {
        Ok(Shape::One(value.to_string(), Kind::Truth))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Shape, E> {
        Ok(Shape::One(value.to_string(), Kind::Number))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Shape, E> {
        Ok(Shape::One(value.to_string(), Kind::Number))
    }

    fn visit_i128<E: Error>(self, value: i128) -> Result<Shape, E> {
        Ok(Shape::One(value.to_string(), Kind::Number))
    }

    fn visit_u128<E: Error>(self, value: u128) -> Result<Shape, E> {
        Ok(Shape::One(value.to_string(), Kind::Number))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Shape, E> {
        Ok(Shape::One(value.to_string(), Kind::Number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Shape, E> {
        Ok(Shape::One(value.to_owned(), Kind::Text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Shape, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Shape::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Shape, A::Error> {
        let mut keys = Vec::new();
        while let Some(entry) = map.next_entry()? {
            keys.push(entry);
        }
        Ok(Shape::Keys(keys))
    }
}
