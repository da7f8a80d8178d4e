//! Who uses what of whom: names followed to the module that defines them.

use std::collections::{BTreeMap, BTreeSet};

use super::module::{Module, Modules, Use};

/// A module's path in its crate.
pub(super) type Path = Vec<String>;

/// From module to module, with the names that draw each arrow.
#[derive(Debug, Default)]
pub(super) struct Arrows(BTreeMap<Path, BTreeMap<Path, BTreeSet<String>>>);

/// Imports that lead to imports that lead … no further than this.
const DEEPEST: usize = 16;

impl Arrows {
    pub(super) fn between(modules: &Modules) -> Self {
        let mut arrows = Self::default();
        for (path, module) in modules.iter() {
            for import in module
                .uses
                .iter()
                .filter(|import| is_ours(module, &import.path))
            {
                arrows.import(modules, path, module, import);
            }
            for named in &module.paths {
                if is_ours(module, named) {
                    arrows.draw(path, definition(modules, path, named, 0), named);
                }
            }
        }
        arrows
    }

    /// What is passed on draws an arrow only where the file's own code uses it too.
    fn import(&mut self, modules: &Modules, path: &Path, module: &Module, import: &Use) {
        if import.name == "*" {
            let Some(from) = definition(modules, path, &import.path, 0) else {
                return;
            };
            for word in module.words.difference(&module.items) {
                let named = ["self".to_owned(), word.clone()];
                let to = definition(modules, &from, &named, 0);
                if to.as_ref().is_some_and(|to| defines(modules, to, word)) {
                    self.draw(path, to, std::slice::from_ref(word));
                }
            }
            return;
        }
        if import.is_public && !module.words.contains(&import.name) {
            return;
        }
        let Some(to) = definition(modules, path, &import.path, 0) else {
            return;
        };
        if import.path.last().is_some() && to.last() != import.path.last() {
            return self.draw(path, Some(to), std::slice::from_ref(&import.name));
        }
        // A module was imported: the arrows are those of the paths through it.
        for named in module.paths.iter().filter(|named| named[0] == import.name) {
            let named: Path = std::iter::once("self".to_owned())
                .chain(named.iter().skip(1).cloned())
                .collect();
            self.draw(path, definition(modules, &to, &named, 0), &named);
        }
    }

    fn draw(&mut self, from: &Path, to: Option<Path>, named: &[String]) {
        if let Some(to) = to.filter(|to| to != from) {
            let names = self
                .0
                .entry(from.clone())
                .or_default()
                .entry(to)
                .or_default();
            names.insert(named.join("::"));
        }
    }

    /// The arrows among the parts of a folder, each part with all that is below it.
    pub(super) fn among_parts_of(&self, folder: &[String]) -> Self {
        let part = |path: &Path| {
            let is_inside = path.len() > folder.len() && path.starts_with(folder);
            is_inside.then(|| {
                path.iter()
                    .take(folder.len() + 1)
                    .cloned()
                    .collect::<Path>()
            })
        };
        let mut among = Self::default();
        for (from, to, names) in self.all() {
            if let (Some(from), Some(to)) = (part(from), part(to)) {
                for name in names {
                    among.draw(&from, Some(to.clone()), &[name]);
                }
            }
        }
        among
    }

    pub(super) fn targets(&self) -> BTreeMap<Path, BTreeSet<Path>> {
        let targets = |to: &BTreeMap<Path, _>| to.keys().cloned().collect();
        self.0
            .iter()
            .map(|(from, to)| (from.clone(), targets(to)))
            .collect()
    }

    /// The arrows inside a circle.
    pub(super) fn within<'a>(
        &'a self,
        circle: &'a [Path],
    ) -> impl Iterator<Item = (&'a Path, &'a Path, Vec<String>)> {
        self.all()
            .filter(|(from, to, _)| circle.contains(from) && circle.contains(to))
    }

    fn all(&self) -> impl Iterator<Item = (&Path, &Path, Vec<String>)> {
        self.0.iter().flat_map(|(from, to)| {
            to.iter()
                .map(move |(to, names)| (from, to, names.iter().cloned().collect()))
        })
    }
}

/// Whether a path begins in this crate.
fn is_ours(module: &Module, path: &[String]) -> bool {
    path.first().is_some_and(|first| {
        matches!(first.as_str(), "crate" | "self" | "super") || module.children.contains(first)
    })
}

fn defines(modules: &Modules, path: &[String], name: &str) -> bool {
    modules
        .get(path)
        .is_some_and(|module| module.items.contains(name))
}

/// The module in which what `path` names, as it stands in module `at`, is defined; none when that
/// is another crate's.
fn definition(modules: &Modules, at: &[String], path: &[String], depth: usize) -> Option<Path> {
    let mut at = at.to_vec();
    let mut rest = path;
    while let [first, others @ ..] = rest {
        match first.as_str() {
            "crate" => at.clear(),
            "super" => drop(at.pop()),
            "self" => {}
            _ => break,
        }
        rest = others;
    }
    while let [first, others @ ..] = rest {
        let module = modules.get(&at)?;
        if module.children.contains(first) {
            at.push(first.clone());
            rest = others;
            continue;
        }
        if module.items.contains(first) || first == "*" {
            break;
        }
        if depth < DEEPEST {
            for import in &module.uses {
                if import.name == *first && *first != "*" {
                    if !is_ours(module, &import.path) {
                        return None;
                    }
                    let further: Path = import.path.iter().chain(others).cloned().collect();
                    return definition(modules, &at, &further, depth + 1);
                }
            }
            for import in module.uses.iter().filter(|import| import.name == "*") {
                let from = is_ours(module, &import.path)
                    .then(|| definition(modules, &at, &import.path, depth + 1))
                    .flatten();
                if let Some(from) = from.filter(|from| defines(modules, from, first)) {
                    return Some(from);
                }
            }
        }
        break;
    }
    Some(at)
}
