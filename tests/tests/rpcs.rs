//! The client's table of RPCs is the protocol's own: the `.proto` files that the protocol crate
//! carries are read, and nothing of the public services may be missing, extra or of another type.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_metadata::MetadataCommand;
use trunkline_client::api::{RPCS, Repeat};

/// The files that define the server API.
const FILES: [&str; 6] = [
    "livekit_room.proto",
    "livekit_egress.proto",
    "livekit_ingress.proto",
    "livekit_sip.proto",
    "livekit_agent_dispatch.proto",
    "livekit_connector.proto",
];

/// Where the protocol's crate was unpacked. Only what this platform builds is asked for: a machine
/// that has built the workspace once holds that, and not the crates of other systems.
fn protobufs() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
    let wanted = ["--offline", "--locked", "--filter-platform", &platform()];
    let metadata = MetadataCommand::new()
        .manifest_path(manifest)
        .other_options(wanted.map(str::to_owned))
        .exec()
        .unwrap();
    let is_protocol = |package: &&cargo_metadata::Package| package.name == "livekit-protocol";
    let package = metadata.packages.iter().find(is_protocol).unwrap();
    let root = package.manifest_path.parent().unwrap();
    root.join("protocol/protobufs").into_std_path_buf()
}

/// This machine, as the compiler names it.
fn platform() -> String {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let told = Command::new(rustc).arg("-vV").output().unwrap();
    let told = String::from_utf8(told.stdout).unwrap();
    let host = told.lines().find_map(|line| line.strip_prefix("host: "));
    host.unwrap().to_owned()
}

/// `Service/Method` of one file.
fn methods(text: &str) -> Vec<String> {
    let mut service = String::new();
    let mut found = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(rest) = line.strip_prefix("service ") {
            service = rest.split([' ', '{']).next().unwrap().to_owned();
        } else if let Some(rest) = line.strip_prefix("rpc ") {
            let method = rest.split(['(', ' ']).next().unwrap();
            found.push(format!("{service}/{method}"));
        }
    }
    found
}

#[test]
fn every_rpc_of_the_protocol_is_there_and_no_other() {
    let dir = protobufs();
    let mut wanted: Vec<String> = FILES
        .iter()
        .flat_map(|file| methods(&std::fs::read_to_string(dir.join(file)).unwrap()))
        .collect();
    assert!(
        wanted.len() > 50,
        "the protocol's files were not understood"
    );
    let mut ours: Vec<String> = RPCS.iter().map(|rpc| rpc.name.to_owned()).collect();
    wanted.sort();
    ours.sort();
    assert_eq!(ours, wanted);
}

#[test]
fn whatever_dials_records_or_dispatches_is_never_repeated() {
    let by_name: BTreeMap<&str, Repeat> = RPCS.iter().map(|rpc| (rpc.method, rpc.repeat)).collect();
    for (method, repeat) in by_name {
        let starts = method.starts_with("Start")
            || method.starts_with("Dial")
            || method.starts_with("Transfer")
            || (method.starts_with("Create") && method != "CreateRoom");
        if starts {
            assert_eq!(repeat, Repeat::Never, "{method}");
        }
    }
}
