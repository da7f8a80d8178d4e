//! Inside each crate arrows run one way: no file, and no part of a folder, stands in a circle.
//!
//! An arrow runs from the file that uses a name to the file that defines it, through whatever
//! passes the name on. A parent that declares its children (`mod child;`) or passes their names
//! on (`pub use child::Name;`) draws no arrow by that; one whose own code uses the name does, like
//! any other file. So a child may use what its parent defines, or a parent what its child
//! defines, and not both. Tests do not count.
//!
//! What this cannot see are calls of methods: many files that each `impl` one struct are one big
//! file cut up, and no circle.

mod arrows;
mod circles;
mod module;
mod tokens;

use std::collections::BTreeMap;
use std::path::PathBuf;

use arrows::{Arrows, Path};
use circles::circles;
use module::Modules;

/// The source folder of each crate, by the crate's name.
fn crates() -> BTreeMap<String, PathBuf> {
    let folders = std::fs::read_dir(super::root().join("crates")).unwrap();
    let folders = folders.map(|folder| folder.unwrap());
    folders
        .map(|folder| {
            let name = folder.file_name().to_string_lossy().into_owned();
            (name, folder.path().join("src"))
        })
        .collect()
}

#[test]
fn no_files_stand_in_a_circle() {
    let mut found = String::new();
    for (name, folder) in crates() {
        let modules = Modules::load(&folder);
        let arrows = Arrows::between(&modules);
        for circle in circles(&arrows.targets()) {
            found.push_str(&told(&name, &modules, &arrows, &circle));
        }
    }
    assert!(
        found.is_empty(),
        "files import each other in a circle:{found}"
    );
}

/// A folder's parts are its files and folders, each with all that is below it.
#[test]
fn no_parts_of_a_folder_stand_in_a_circle() {
    let mut found = String::new();
    for (name, folder) in crates() {
        let modules = Modules::load(&folder);
        let arrows = Arrows::between(&modules);
        for parent in modules.paths() {
            let inside = arrows.among_parts_of(parent);
            for circle in circles(&inside.targets()) {
                found.push_str(&told(&name, &modules, &inside, &circle));
            }
        }
    }
    assert!(
        found.is_empty(),
        "parts of a folder import each other in a circle:{found}"
    );
}

/// A circle, and what ties it.
fn told(name: &str, modules: &Modules, arrows: &Arrows, circle: &[Path]) -> String {
    let mut told = format!("\n\n{name}:");
    for (from, to, names) in arrows.within(circle) {
        let (from, to) = (modules.file(from), modules.file(to));
        told.push_str(&format!("\n  {from} -> {to}: {}", names.join(", ")));
    }
    told
}

#[test]
fn a_circle_is_seen_through_names_that_are_passed_on() {
    let folder = tempfile::tempdir().unwrap();
    let write = |file: &str, text: &str| {
        let path = folder.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    let circles_now = || {
        let modules = Modules::load(folder.path());
        let circles = circles(&Arrows::between(&modules).targets());
        let files = |circle: &Vec<Path>| -> Vec<String> {
            let mut files: Vec<String> = circle.iter().map(|path| modules.file(path)).collect();
            files.sort();
            files
        };
        circles.iter().map(files).collect::<Vec<_>>()
    };
    // A parent that passes names on, strings and comments that name, who may see something, and
    // tests draw no arrow.
    write(
        "lib.rs",
        "mod house;\npub use house::Door;\n#[cfg(test)]\nmod tests { use crate::house::Key; }\n",
    );
    write(
        "house/mod.rs",
        "mod door;\nmod key;\npub use door::Door;\npub(crate) use key::{Key, turn as turned};\n\
         fn open() { turned(); }\n",
    );
    write(
        "house/door.rs",
        "use super::Key;\npub struct Door<'a> { key: &'a Key }\nconst C: char = '\"';\n",
    );
    write(
        "house/key.rs",
        "// super::Door\npub struct Key;\npub(in crate::house) struct Lock;\n\
         pub fn turn() -> &'static str { r#\"super::Door\"# }\n",
    );
    assert!(circles_now().is_empty());
    // Through the parent, and by a path without an import.
    write(
        "house/key.rs",
        "pub struct Key;\npub fn turn(of: &super::super::Door<'_>) {}\n",
    );
    assert_eq!(circles_now(), [["house/door.rs", "house/key.rs"]]);
    // A parent whose own code uses what its child defines, and the child what it defines.
    write(
        "house/key.rs",
        "pub struct Key(super::Lock);\npub fn turn() {}\n",
    );
    write(
        "house/mod.rs",
        "mod door;\nmod key;\npub use door::Door;\npub(crate) use key::{Key, turn as turned};\n\
         pub struct Lock;\nfn open() { turned(); }\n",
    );
    assert_eq!(circles_now(), [["house/key.rs", "house/mod.rs"]]);
}
