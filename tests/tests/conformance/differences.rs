//! Where our node is known to answer otherwise than LiveKit's server, and why. The list for people
//! is `docs/compatibility.md`; both say the same.

/// One known difference.
pub(crate) struct Difference {
    /// The case, `Suite: name`.
    pub(crate) case: &'static str,
    /// What our node answers.
    pub(crate) ours: &'static str,
    /// Why it does.
    pub(crate) reason: &'static str,
}

/// All of them.
pub(crate) const DIFFERENCES: &[Difference] = &[
    Difference {
        case: "AgentDispatch: a deleted one tells when",
        ours: "true",
        reason: "The time is in the message for this; our node fills it in.",
    },
    Difference {
        case: "AgentDispatch: deleted in a room nobody made",
        ours: "404 not_found: requested room does not exist",
        reason: "There a bus is asked and nobody answers; our node knows at once who is missing.",
    },
    Difference {
        case: "AgentDispatch: listed in a room nobody made",
        ours: "404 not_found: requested room does not exist",
        reason: "There a bus is asked and nobody answers; our node knows at once who is missing.",
    },
    Difference {
        case: "Egress: StartEgress without a recorder",
        ours: "500 internal: egress not connected (redis required)",
        reason: "There a recorder is awaited in vain; our node knows that none is connected, and what is wrong with the wish.",
    },
    Difference {
        case: "Egress: StartParticipantEgress without a recorder",
        ours: "500 internal: egress not connected (redis required)",
        reason: "There a recorder is awaited in vain; our node knows that none is connected, and what is wrong with the wish.",
    },
    Difference {
        case: "Egress: StartRoomCompositeEgress without a recorder",
        ours: "500 internal: egress not connected (redis required)",
        reason: "There a recorder is awaited in vain; our node knows that none is connected, and what is wrong with the wish.",
    },
    Difference {
        case: "Egress: StartTrackCompositeEgress without a recorder",
        ours: "500 internal: egress not connected (redis required)",
        reason: "There a recorder is awaited in vain; our node knows that none is connected, and what is wrong with the wish.",
    },
    Difference {
        case: "Egress: StartTrackEgress without a recorder",
        ours: "500 internal: egress not connected (redis required)",
        reason: "There a recorder is awaited in vain; our node knows that none is connected, and what is wrong with the wish.",
    },
    Difference {
        case: "Egress: StartWebEgress without a recorder",
        ours: "500 internal: egress not connected (redis required)",
        reason: "There a recorder is awaited in vain; our node knows that none is connected, and what is wrong with the wish.",
    },
    Difference {
        case: "Egress: a room that records from its start",
        ours: "500 internal: egress not connected (redis required)",
        reason: "A room whose recording cannot start is refused, not made without it.",
    },
    Difference {
        case: "HTTP: a call's allowed origin",
        ours: "*",
        reason: "Any origin is allowed in either form; browsers accept both.",
    },
    Difference {
        case: "HTTP: a preflight is answered",
        ours: "200",
        reason: "Any origin is allowed in either form; browsers accept both.",
    },
    Difference {
        case: "HTTP: a preflight's access-control-allow-methods",
        ours: "OPTIONS,HEAD,GET,POST,PATCH,DELETE",
        reason: "Any origin is allowed in either form; browsers accept both.",
    },
    Difference {
        case: "HTTP: a preflight's access-control-allow-origin",
        ours: "*",
        reason: "Any origin is allowed in either form; browsers accept both.",
    },
    Difference {
        case: "HTTP: defaults are told",
        ours: "null null",
        reason: "Protobuf JSON lets defaults be left out, and every SDK fills them in; a node without TURN has no TURN password.",
    },
    Difference {
        case: "HTTP: the fields of a room",
        ours: "creation_time creation_time_ms departure_timeout empty_timeout enabled_codecs name sid",
        reason: "Protobuf JSON lets defaults be left out, and every SDK fills them in; a node without TURN has no TURN password.",
    },
    Difference {
        case: "Ingress: a URL ingress without an importer",
        ours: "500 internal: ingress not connected (redis required)",
        reason: "There an importer is awaited in vain; our node knows that none is connected.",
    },
    Difference {
        case: "Participants: a call to who is not there",
        ours: "404 not_found: participant does not exist",
        reason: "There a bus is asked and nobody answers; our node knows at once who is missing.",
    },
    Difference {
        case: "Participants: data to a room nobody made",
        ours: "404 not_found: requested room does not exist",
        reason: "There a bus is asked and nobody answers; our node knows at once who is missing.",
    },
    Difference {
        case: "Participants: forwarding who is not there",
        ours: "404 not_found: participant does not exist",
        reason: "There a bus is asked and nobody answers; our node knows at once who is missing.",
    },
    Difference {
        case: "Participants: moving who is not there",
        ours: "404 not_found: participant does not exist",
        reason: "There a bus is asked and nobody answers; our node knows at once who is missing.",
    },
    Difference {
        case: "Participants: muting who is not there",
        ours: "404 not_found: participant does not exist",
        reason: "There a bus is asked and nobody answers; our node knows at once who is missing.",
    },
    Difference {
        case: "Participants: subscribing who is not there",
        ours: "404 not_found: participant does not exist",
        reason: "There a bus is asked and nobody answers; our node knows at once who is missing.",
    },
    Difference {
        case: "RoomService: no name at all",
        ours: "400 invalid_argument: no room name",
        reason: "A room without a name can be neither joined nor administered.",
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::DIFFERENCES;

    #[test]
    fn the_document_lists_the_same_differences() {
        let path = trunkline_tests::root().join("docs/compatibility.md");
        let text = std::fs::read_to_string(path).unwrap();
        let told: Vec<&str> = text.lines().filter(|line| line.starts_with("| ")).collect();
        let row = |known: &super::Difference| {
            let cell = |text: &str| text.replace('|', "\\|");
            let (case, ours) = (cell(known.case), cell(known.ours));
            format!("| {case} | `{ours}` | {} |", cell(known.reason))
        };
        let rows: Vec<String> = DIFFERENCES.iter().map(row).collect();
        let head = ["| Case | Ours | Why |"];
        let wanted: Vec<&str> = head
            .into_iter()
            .chain(rows.iter().map(String::as_str))
            .collect();
        assert_eq!(told, wanted, "the table should be:\n{}", wanted.join("\n"));
    }

    #[test]
    fn each_case_is_listed_once() {
        let cases: BTreeSet<&str> = DIFFERENCES.iter().map(|known| known.case).collect();
        assert_eq!(cases.len(), DIFFERENCES.len());
    }
}
