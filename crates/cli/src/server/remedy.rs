//! What to do about a call that failed.

use trunkline_client::api::{ApiError, Failure as Why};

use crate::failure::Failure;
use crate::target::{Origin, Source, Target};

/// A failed call, with its remedy where there is one.
pub(super) fn explain(error: ApiError, target: &Target) -> Failure {
    let remedy = remedy(&error, target);
    let failure = Failure::from(error);
    match remedy {
        Some(remedy) => failure.or_else(remedy),
        None => failure,
    }
}

fn remedy(error: &ApiError, target: &Target) -> Option<String> {
    let url = &target.url;
    match &error.failure {
        Why::Unreachable(_) => Some(format!(
            "check that a server runs at {url}; `trunkline serve --dev` starts one here"
        )),
        Why::Transport(_) | Why::Deadline => Some(format!(
            "check that {url} is up and not overloaded, then repeat"
        )),
        Why::Redirect { to, .. } => Some(format!("if {to} is your LiveKit, pass it as --url")),
        Why::Foreign { status: 401 | 403 } => Some(keys(target)),
        Why::Foreign { .. } => Some(format!(
            "check that {url} is LiveKit's address, not a proxy's"
        )),
        Why::Twirp(refusal) => match refusal.code.as_str() {
            "permission_denied" if refusal.message.contains(DIALLING) => Some(
                "if it is to be called, change `dialling` in security.yaml: the daemon takes it up by itself"
                    .to_owned(),
            ),
            "unauthenticated" | "permission_denied" => Some(keys(target)),
            "not_found" if error.rpc == "SIP/TransferSIPParticipant" => {
                Some("list who is there: trunkline room participants list ROOM".to_owned())
            }
            "not_found" if error.rpc.starts_with("SIP/") => {
                Some("list what there is: trunkline sip inbound|outbound|dispatch list".to_owned())
            }
            "not_found" => listing(error.rpc).map(|verb| format!("list what there is: {verb}")),
            "invalid_argument" if refusal.message.contains(LOGIN) => Some(
                "pass --auth-user and --auth-pass, or TRUNKLINE_SIP_AUTH_PASS, which keeps it off the screen"
                    .to_owned(),
            ),
            "resource_exhausted" => Some("wait a moment, then repeat".to_owned()),
            _ => None,
        },
        _ => None,
    }
}

fn keys(target: &Target) -> String {
    let whence = whence(&target.origin);
    format!("check the API key and secret, {whence}, and this machine's clock")
}

/// In the words of a trunk with half a login.
const LOGIN: &str = "auth_password must be set together";

/// In the words of a number that may not be dialled.
const DIALLING: &str = "security.yaml";

fn listing(rpc: &str) -> Option<&'static str> {
    let (service, method) = rpc.split_once('/')?;
    Some(match service {
        "RoomService" if method.contains("Participant") || method.contains("Track") => {
            "trunkline room participants list ROOM"
        }
        "RoomService" => "trunkline room list",
        "AgentDispatchService" => "trunkline dispatch list ROOM",
        "Egress" => "trunkline egress list",
        "Ingress" => "trunkline ingress list",
        _ => return None,
    })
}

fn whence(origin: &Origin) -> String {
    match origin {
        Origin::Chosen(Source::Flags) => "given by flags".to_owned(),
        Origin::Chosen(Source::Environment(names)) => {
            format!("given by {}", names.join(" and "))
        }
        Origin::Chosen(Source::Dev) => "which are the development ones".to_owned(),
        Origin::Chosen(
            Source::Project(name)
            | Source::Subdomain(name)
            | Source::Toml(name)
            | Source::Default(name),
        ) => format!("of project {name} in ~/.livekit/cli-config.yaml"),
        Origin::Files(home) => format!("of {}", home.path("livekit.yaml")),
    }
}
