//! The modules of a crate, one a file: what each declares, defines, imports and names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path as FilePath;

use super::arrows::Path;
use super::tokens::{Token, tokens};

/// `use …;`, one for each name.
#[derive(Debug)]
pub(super) struct Use {
    pub(super) is_public: bool,
    pub(super) path: Vec<String>,
    /// What it is called here; `*` for all there is.
    pub(super) name: String,
}

#[derive(Debug, Default)]
pub(super) struct Module {
    file: String,
    pub(super) children: BTreeSet<String>,
    pub(super) items: BTreeSet<String>,
    pub(super) uses: Vec<Use>,
    /// Paths of two words or more in its own code.
    pub(super) paths: BTreeSet<Vec<String>>,
    /// Every word of its own code.
    pub(super) words: BTreeSet<String>,
}

/// The modules of a crate by their paths; that of the crate itself is empty.
#[derive(Debug)]
pub(super) struct Modules(BTreeMap<Path, Module>);

impl Modules {
    pub(super) fn load(source: &FilePath) -> Self {
        let mut modules = Self(BTreeMap::new());
        let is_library = source.join("lib.rs").exists();
        let root = if is_library { "lib.rs" } else { "main.rs" };
        modules.add(source, Path::new(), root.to_owned());
        modules
    }

    fn add(&mut self, source: &FilePath, path: Path, file: String) {
        let text = std::fs::read_to_string(source.join(&file)).unwrap();
        let module = Module::read(file, &text);
        let folder = path.join("/");
        for child in &module.children {
            let stem = FilePath::new(&folder).join(child).display().to_string();
            let mut path = path.clone();
            path.push(child.clone());
            let alone = format!("{stem}.rs");
            let file = if source.join(&alone).exists() {
                alone
            } else {
                format!("{stem}/mod.rs")
            };
            self.add(source, path, file);
        }
        self.0.insert(path, module);
    }

    pub(super) fn get(&self, path: &[String]) -> Option<&Module> {
        self.0.get(path)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Path, &Module)> {
        self.0.iter()
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.0.keys()
    }

    /// The file of a module.
    pub(super) fn file(&self, path: &[String]) -> String {
        self.get(path).map(|module| module.file.clone()).unwrap()
    }
}

/// The words that begin a definition, before its name.
const DEFINES: &[&str] = &[
    "fn", "struct", "enum", "trait", "type", "const", "static", "union", "mod",
];

impl Module {
    fn read(file: String, text: &str) -> Self {
        let tokens = without_tests(&tokens(text));
        let mut module = Self {
            file,
            ..Self::default()
        };
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            let next = tokens.get(at + 1);
            let named = next.and_then(Token::word);
            let ended = tokens.get(at + 2).is_some_and(|token| token.is(';'));
            match (token.word(), named) {
                (Some("mod"), Some(child)) if ended => {
                    module.children.insert(child.to_owned());
                    at += 3;
                }
                // Who may see something is no use of it.
                (Some("pub"), None) if tokens.get(at + 2).and_then(Token::word) == Some("in") => {
                    let rest = tokens.get(at..).unwrap_or_default();
                    at += rest.iter().take_while(|token| !token.is(')')).count();
                }
                (Some("use"), _) => {
                    let is_public = is_public(tokens.get(..at).unwrap_or_default());
                    at += 1;
                    module.read_use(&tokens, &mut at, is_public, &[]);
                }
                (Some("macro_rules"), None) => {
                    let name = tokens.get(at + 2).and_then(Token::word);
                    module.items.extend(name.map(str::to_owned));
                    at += 3;
                }
                (Some(word), Some(name)) if DEFINES.contains(&word) => {
                    module.items.insert(name.to_owned());
                    at += 2;
                }
                (Some(_), _) => module.read_path(&tokens, &mut at),
                (None, _) => at += 1,
            }
        }
        module
    }

    /// One branch of a `use`, up to what follows it.
    fn read_use(&mut self, tokens: &[Token], at: &mut usize, is_public: bool, before: &[String]) {
        let mut path = before.to_vec();
        let mut name = None;
        while let Some(token) = tokens.get(*at) {
            *at += 1;
            match token {
                Token::Sign('{') => {
                    while !tokens.get(*at).is_none_or(|token| token.is('}')) {
                        self.read_use(tokens, at, is_public, &path);
                    }
                    *at += 1;
                    return self.skip_comma(tokens, at);
                }
                Token::Sign('*') => path.push("*".to_owned()),
                Token::Word(word) if word == "as" => {
                    name = tokens.get(*at).and_then(Token::word).map(str::to_owned);
                    *at += 1;
                }
                Token::Word(word) => path.push(word.clone()),
                Token::Sign(';') => break,
                Token::Sign(',') => break,
                Token::Sign('}') => {
                    *at -= 1;
                    break;
                }
                Token::Sign(_) => {}
            }
        }
        if path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        if let Some(last) = path.last() {
            let name = name.unwrap_or_else(|| last.clone());
            self.uses.push(Use {
                is_public,
                path,
                name,
            });
        }
    }

    fn skip_comma(&self, tokens: &[Token], at: &mut usize) {
        if tokens
            .get(*at)
            .is_some_and(|token| token.is(',') || token.is(';'))
        {
            *at += 1;
        }
    }

    /// A word, and those that `::` joins to it.
    fn read_path(&mut self, tokens: &[Token], at: &mut usize) {
        let mut path = Vec::new();
        while let Some(word) = tokens.get(*at).and_then(Token::word) {
            self.words.insert(word.to_owned());
            path.push(word.to_owned());
            *at += 1;
            let joint = tokens.get(*at..*at + 2).unwrap_or_default();
            if joint.len() < 2 || !joint.iter().all(|token| token.is(':')) {
                break;
            }
            *at += 2;
        }
        if path.len() > 1 {
            self.paths.insert(path);
        }
    }
}

/// Whether an item whose tokens come after these is seen from outside.
fn is_public(before: &[Token]) -> bool {
    match before {
        [.., last] if last.word() == Some("pub") => true,
        [rest @ .., last] if last.is(')') => {
            let opened = rest.iter().rposition(|token| token.is('('));
            let before = opened
                .and_then(|at| at.checked_sub(1))
                .and_then(|at| rest.get(at));
            before.is_some_and(|token| token.word() == Some("pub"))
        }
        _ => false,
    }
}

/// What is left without items that are there for tests only, and without attributes.
fn without_tests(tokens: &[Token]) -> Vec<Token> {
    let mut left = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        if !token.is('#') {
            left.push(token.clone());
            at += 1;
            continue;
        }
        let mut for_tests = false;
        while tokens.get(at).is_some_and(|token| token.is('#')) {
            let end = end_of_group(tokens, at);
            let words = tokens.get(at..end).unwrap_or_default();
            let mut words = words.iter().filter_map(Token::word);
            for_tests |= words.next() == Some("cfg")
                && words.clone().any(|word| word == "test")
                && !words.any(|word| word == "not");
            at = end;
        }
        if for_tests {
            at = end_of_item(tokens, at);
        }
    }
    left
}

/// Behind the next bracketed group.
fn end_of_group(tokens: &[Token], from: usize) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(from) {
        match token {
            Token::Sign('(' | '[' | '{') => depth += 1,
            Token::Sign(')' | ']' | '}') => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    tokens.len()
}

/// Behind an item: its `;`, its braces, or the comma of a field or variant.
fn end_of_item(tokens: &[Token], from: usize) -> usize {
    let mut at = from;
    while let Some(token) = tokens.get(at) {
        match token {
            Token::Sign(';' | ',') => return at + 1,
            Token::Sign('{') => return end_of_group(tokens, at),
            Token::Sign('(' | '[') => at = end_of_group(tokens, at),
            Token::Sign('}') => return at,
            _ => at += 1,
        }
    }
    at
}
