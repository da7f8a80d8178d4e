//! Which trunk is meant by what was typed.

use livekit_protocol as proto;
use trunkline_base::class::Class;
use trunkline_client::api::table;
use trunkline_sip::routing::mark;

use crate::failure::Failure;
use crate::output::plain;
use crate::server::Server;

/// The id of the outbound trunk that is meant: an id is one, anything else is looked for.
pub(crate) async fn id(typed: &str, server: &Server<'_>) -> Result<String, Failure> {
    if typed.starts_with("ST_") || server.global().curl {
        return Ok(typed.to_owned());
    }
    let trunks = all(server).await?.unwrap_or_default();
    Ok(choose(trunks, Some(typed))?.sip_trunk_id)
}

/// Every outbound trunk of the server; none is asked for with `--curl`.
pub(crate) async fn all(
    server: &Server<'_>,
) -> Result<Option<Vec<proto::SipOutboundTrunkInfo>>, Failure> {
    let list = Box::pin(server.api().list_outbound_trunks());
    server.every(&table::LIST_SIP_OUTBOUND_TRUNK, list).await
}

/// The trunk with this id, or this key in the file or name; or the only one.
pub(crate) fn choose(
    trunks: Vec<proto::SipOutboundTrunkInfo>,
    wanted: Option<&str>,
) -> Result<proto::SipOutboundTrunkInfo, Failure> {
    let names: Vec<String> = trunks.iter().map(name).collect();
    let is = |trunk: &proto::SipOutboundTrunkInfo| wanted == Some(&*trunk.sip_trunk_id);
    let is_called = |trunk: &proto::SipOutboundTrunkInfo| {
        wanted.is_none_or(|wanted| {
            trunk.name == wanted || mark::key(&trunk.metadata).as_deref() == Some(wanted)
        })
    };
    let has_id = trunks.iter().any(is);
    let fits = |trunk: &proto::SipOutboundTrunkInfo| {
        if has_id { is(trunk) } else { is_called(trunk) }
    };
    let mut fitting: Vec<_> = trunks.into_iter().filter(fits).collect();
    match (fitting.pop(), fitting.is_empty()) {
        (Some(trunk), true) => Ok(trunk),
        (Some(_), false) => {
            let text = format!("which trunk shall it be? There are {}", names.join(", "));
            Err(Failure::new(Class::Invalid, "cli.call.trunk", text)
                .or_else("pass --trunk with its id"))
        }
        (None, _) if names.is_empty() => {
            let text = "there is no outbound trunk to call over";
            Err(Failure::new(Class::Missing, "cli.call.trunk", text)
                .or_else("make one with `trunkline sip outbound create`"))
        }
        (None, _) => {
            let text = format!(
                "there is no outbound trunk {}; there are {}",
                plain(wanted.unwrap_or_default()),
                names.join(", ")
            );
            Err(Failure::new(Class::Missing, "cli.call.trunk", text))
        }
    }
}

/// What people call it: its key, else its name, else its id.
fn name(trunk: &proto::SipOutboundTrunkInfo) -> String {
    let key = mark::key(&trunk.metadata).filter(|key| !key.is_empty());
    let called = key.unwrap_or_else(|| trunk.name.clone());
    plain(if called.is_empty() {
        &trunk.sip_trunk_id
    } else {
        &called
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trunk(id: &str, name: &str) -> proto::SipOutboundTrunkInfo {
        proto::SipOutboundTrunkInfo {
            sip_trunk_id: id.to_owned(),
            name: name.to_owned(),
            ..Default::default()
        }
    }

    fn text(result: Result<proto::SipOutboundTrunkInfo, Failure>) -> String {
        format!("{:?}", result.map(drop).unwrap_err())
    }

    #[test]
    fn a_trunk_is_known_by_its_name_or_id_and_the_only_one_by_itself() {
        let two = || vec![trunk("ST_1", "office"), trunk("ST_2", "")];
        assert_eq!(choose(two(), Some("office")).unwrap().sip_trunk_id, "ST_1");
        assert_eq!(choose(two(), Some("ST_2")).unwrap().sip_trunk_id, "ST_2");
        assert_eq!(choose(vec![trunk("ST_1", "x")], None).unwrap().name, "x");
        assert!(text(choose(two(), None)).contains("office, ST_2"));
        assert!(text(choose(two(), Some("home"))).contains("home"));
        assert!(text(choose(Vec::new(), None)).contains("sip outbound create"));
    }

    #[test]
    fn a_trunk_of_the_file_is_known_by_its_key() {
        let filed = proto::SipOutboundTrunkInfo {
            metadata: mark::mark("provider", "{\"tier\": 1}"),
            ..trunk("ST_1", "My SIP provider")
        };
        let two = || vec![filed.clone(), trunk("ST_2", "office")];
        for wanted in ["provider", "My SIP provider", "ST_1"] {
            assert_eq!(
                choose(two(), Some(wanted)).unwrap().sip_trunk_id,
                "ST_1",
                "{wanted}"
            );
        }
        assert!(text(choose(two(), Some("home"))).contains("provider, office"));
        // One that has another's key for its name is not taken for it.
        let both = vec![filed.clone(), trunk("ST_2", "provider")];
        assert!(text(choose(both, Some("provider"))).contains("which trunk"));
        let twin = vec![filed, trunk("ST_2", "ST_1")];
        assert_eq!(choose(twin, Some("ST_1")).unwrap().name, "My SIP provider");
    }
}
