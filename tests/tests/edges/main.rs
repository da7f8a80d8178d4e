//! The house keeps its shape: which crate may name which, where WebRTC may be named, that the pure
//! crates carry the same bans, and that inside each crate arrows between files run one way.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod files;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

/// Who may depend on whom. Arrows point down, never sideways.
const EDGES: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("media", &["base"]),
    ("sip", &["base"]),
    ("rtc", &["base"]),
    ("service", &["base"]),
    ("store", &["base"]),
    ("client", &["base", "rtc", "media"]),
    ("node", &["base", "rtc", "sip", "service", "store"]),
    (
        "bridge",
        &["base", "media", "sip", "client", "service", "store"],
    ),
    ("agent", &["base", "media", "client", "service", "store"]),
    ("ops", &["base", "client", "service", "store"]),
    ("console", &["base", "client", "service", "store"]),
];

/// Crates that only one room may name.
const WRAPPED: &[(&str, &str)] = &[
    ("str0m", "trunkline-rtc"),
    ("opus", "trunkline-media"),
    ("ort", "trunkline-agent"),
    ("sqlx", "trunkline-store"),
];

const PURE: &[&str] = &["base", "media", "sip", "rtc"];

/// What a pure crate may not name: sockets, tasks, processes.
const IMPURE: &[&str] = &["tokio", "axum", "reqwest", "hyper", "socket2", "sqlx"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .no_deps()
        .exec()
        .unwrap()
}

/// Normal dependencies of each workspace crate.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = metadata();
    let normal = |package: &cargo_metadata::Package| {
        let wanted = package
            .dependencies
            .iter()
            .filter(|d| d.kind == DependencyKind::Normal);
        wanted.map(|dependency| dependency.name.clone()).collect()
    };
    metadata
        .packages
        .iter()
        .map(|package| (package.name.to_string(), normal(package)))
        .collect()
}

#[test]
fn every_arrow_points_down() {
    let dependencies = dependencies();
    for (name, allowed) in EDGES {
        let found = &dependencies[&format!("trunkline-{name}")];
        let ours = found
            .iter()
            .filter_map(|name| name.strip_prefix("trunkline-"));
        for target in ours {
            assert!(
                allowed.contains(&target),
                "{name} may not depend on {target}"
            );
        }
    }
    let known: BTreeSet<String> = EDGES
        .iter()
        .map(|(name, _)| format!("trunkline-{name}"))
        .collect();
    let outside = dependencies.keys().filter(|name| !known.contains(*name));
    let outside: Vec<&String> = outside.collect();
    assert_eq!(
        outside,
        ["trunkline", "trunkline-benches", "trunkline-tests"],
        "a crate is missing from the edge list"
    );
}

#[test]
fn heavy_crates_are_named_in_one_room() {
    for (name, dependencies) in dependencies() {
        for (wrapped, owner) in WRAPPED {
            assert!(
                !dependencies.contains(*wrapped) || name == *owner,
                "{wrapped} belongs to {owner}, and {name} names it"
            );
        }
    }
}

#[test]
fn pure_crates_stay_pure() {
    let dependencies = dependencies();
    for name in PURE {
        for impure in IMPURE {
            let found = &dependencies[&format!("trunkline-{name}")];
            assert!(
                !found.contains(*impure),
                "{name} is pure and names {impure}"
            );
        }
    }
}

#[test]
fn pure_crates_carry_the_same_bans() {
    let bans = |name: &str| {
        std::fs::read_to_string(root().join("crates").join(name).join("clippy.toml")).unwrap()
    };
    let first = bans(PURE[0]);
    for name in PURE {
        assert_eq!(
            bans(name),
            first,
            "{name}'s clippy.toml differs from {}'s",
            PURE[0]
        );
    }
    for ban in [
        "Instant::now",
        "SystemTime::now",
        "env::var",
        "thread::sleep",
        "rand::rng",
    ] {
        assert!(first.contains(ban), "{ban} is not banned");
    }
}

#[test]
fn every_crate_obeys_the_common_lints() {
    for package in metadata().packages {
        let manifest = std::fs::read_to_string(&package.manifest_path).unwrap();
        let inherits = manifest.contains("[lints]\nworkspace = true");
        assert!(
            inherits,
            "{} does not take the workspace's lints",
            package.name
        );
    }
}
