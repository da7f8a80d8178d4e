//! Partial updates: which fields they reach, and how lists and maps change.

use std::collections::HashMap;

use livekit_protocol as proto;

use super::check;
use super::error::SipError;

/// Checks a partial update of an inbound trunk by itself.
pub(super) fn check_inbound(update: &proto::SipInboundTrunkUpdate) -> Result<(), SipError> {
    whole_list(update.numbers.as_ref())?;
    whole_list(update.allowed_addresses.as_ref())?;
    whole_list(update.allowed_numbers.as_ref())?;
    check::media(update.media.as_ref())
}

/// Checks a partial update of an outbound trunk by itself.
pub(super) fn check_outbound(update: &proto::SipOutboundTrunkUpdate) -> Result<(), SipError> {
    whole_list(update.numbers.as_ref())?;
    check::media(update.media.as_ref())
}

/// Checks a partial update of a rule by itself.
pub(super) fn check_rule(update: &proto::SipDispatchRuleUpdate) -> Result<(), SipError> {
    whole_list(update.trunk_ids.as_ref())?;
    check::media(update.media.as_ref())
}

/// Lays a partial update over an inbound trunk.
#[expect(
    deprecated,
    reason = "older clients set the encryption outside the media settings"
)]
pub(super) fn inbound(
    trunk: &mut proto::SipInboundTrunkInfo,
    update: proto::SipInboundTrunkUpdate,
) {
    list(&mut trunk.numbers, update.numbers);
    list(&mut trunk.allowed_addresses, update.allowed_addresses);
    list(&mut trunk.allowed_numbers, update.allowed_numbers);
    set(&mut trunk.auth_username, update.auth_username);
    set(&mut trunk.auth_password, update.auth_password);
    set(&mut trunk.auth_realm, update.auth_realm);
    set(&mut trunk.name, update.name);
    set(&mut trunk.metadata, update.metadata);
    set(&mut trunk.media_encryption, update.media_encryption);
    trunk.media = update.media.or_else(|| trunk.media.take());
}

/// Lays a partial update over an outbound trunk.
#[expect(
    deprecated,
    reason = "older clients set the encryption outside the media settings"
)]
pub(super) fn outbound(
    trunk: &mut proto::SipOutboundTrunkInfo,
    update: proto::SipOutboundTrunkUpdate,
) {
    list(&mut trunk.numbers, update.numbers);
    set(&mut trunk.address, update.address);
    set(&mut trunk.transport, update.transport);
    set(&mut trunk.destination_country, update.destination_country);
    set(&mut trunk.auth_username, update.auth_username);
    set(&mut trunk.auth_password, update.auth_password);
    set(&mut trunk.name, update.name);
    set(&mut trunk.metadata, update.metadata);
    set(&mut trunk.media_encryption, update.media_encryption);
    set(&mut trunk.from_host, update.from_host);
    trunk.media = update.media.or_else(|| trunk.media.take());
}

/// Lays a partial update over a rule.
#[expect(
    deprecated,
    reason = "older clients set the encryption outside the media settings"
)]
pub(super) fn rule(rule: &mut proto::SipDispatchRuleInfo, update: proto::SipDispatchRuleUpdate) {
    list(&mut rule.trunk_ids, update.trunk_ids);
    rule.rule = update.rule.or_else(|| rule.rule.take());
    set(&mut rule.name, update.name);
    set(&mut rule.metadata, update.metadata);
    map(&mut rule.attributes, update.attributes);
    set(&mut rule.media_encryption, update.media_encryption);
    rule.media = update.media.or_else(|| rule.media.take());
}

/// The deprecated encryption field, taken over into the media settings.
pub(super) fn carry_encryption(media: &mut Option<proto::SipMediaConfig>, encryption: i32) {
    if encryption == 0 {
        return;
    }
    let media = media.get_or_insert_default();
    media.encryption = media.encryption.or(Some(encryption));
}

fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

fn map(field: &mut HashMap<String, String>, diff: HashMap<String, String>) {
    field.extend(diff);
    field.retain(|_, value| !value.is_empty());
}

fn list(field: &mut Vec<String>, update: Option<proto::ListUpdate>) {
    let Some(update) = update else { return };
    if update.add.is_empty() && update.remove.is_empty() {
        *field = update.set;
        return;
    }
    field.retain(|entry| !update.remove.contains(entry));
    for entry in update.add {
        if !field.contains(&entry) {
            field.push(entry);
        }
    }
}

fn whole_list(update: Option<&proto::ListUpdate>) -> Result<(), SipError> {
    let Some(update) = update else { return Ok(()) };
    let edits = !(update.add.is_empty() && update.remove.is_empty());
    let changes = edits || !update.set.is_empty();
    if !update.clear && !changes {
        return Err(SipError::Invalid("unsupported list update operation"));
    }
    if update.clear && changes {
        let text = "cannot clear and change the list at the same time";
        return Err(SipError::Invalid(text));
    }
    if !update.set.is_empty() && edits {
        let text = "cannot set and change the list at the same time";
        return Err(SipError::Invalid(text));
    }
    let mut all = update.set.iter().chain(&update.add).chain(&update.remove);
    if all.any(String::is_empty) {
        return Err(SipError::Invalid("empty element in the list"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(list: &[&str]) -> Vec<String> {
        list.iter().map(|word| (*word).to_owned()).collect()
    }

    fn changed(update: proto::ListUpdate) -> Result<Vec<String>, String> {
        whole_list(Some(&update)).map_err(|error| error.to_string())?;
        let mut field = words(&["a", "b"]);
        list(&mut field, Some(update));
        Ok(field)
    }

    #[test]
    fn a_list_is_set_edited_or_cleared() {
        let update = proto::ListUpdate {
            set: words(&["x"]),
            ..Default::default()
        };
        assert_eq!(changed(update), Ok(words(&["x"])));
        let (add, remove) = (words(&["b", "c"]), words(&["a"]));
        let update = proto::ListUpdate {
            add,
            remove,
            ..Default::default()
        };
        assert_eq!(changed(update), Ok(words(&["b", "c"])));
        let update = proto::ListUpdate {
            clear: true,
            ..Default::default()
        };
        assert_eq!(changed(update), Ok(words(&[])));
    }

    #[test]
    fn contradictions_are_refused_in_livekit_words() {
        let refused = |update| changed(update).unwrap_err();
        assert_eq!(
            refused(proto::ListUpdate::default()),
            "unsupported list update operation"
        );
        let update = proto::ListUpdate {
            clear: true,
            add: words(&["x"]),
            ..Default::default()
        };
        assert_eq!(
            refused(update),
            "cannot clear and change the list at the same time"
        );
        let (set, add) = (words(&["x"]), words(&["y"]));
        let update = proto::ListUpdate {
            set,
            add,
            ..Default::default()
        };
        assert_eq!(
            refused(update),
            "cannot set and change the list at the same time"
        );
        let update = proto::ListUpdate {
            set: words(&[""]),
            ..Default::default()
        };
        assert_eq!(refused(update), "empty element in the list");
    }

    #[test]
    fn an_empty_attribute_deletes_its_key() {
        let pair = |k: &str, v: &str| (k.to_owned(), v.to_owned());
        let mut field = HashMap::from([pair("a", "1"), pair("b", "2")]);
        map(&mut field, HashMap::from([pair("a", ""), pair("c", "3")]));
        assert_eq!(field, HashMap::from([pair("b", "2"), pair("c", "3")]));
    }
}
