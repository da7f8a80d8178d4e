//! Writing REGISTER.

use std::time::Duration;

use bytes::Bytes;

use crate::message::{Headers, Method, NameAddr, Request, RequestUri, name};
use crate::uri::Uri;

use super::{Place, Registration};

impl Registration {
    /// REGISTER for a place, or the one that takes it back.
    pub(super) fn request(&mut self, place: &Place) -> Request {
        self.sequence += 1;
        let expires = if self.leaving {
            Duration::ZERO
        } else {
            self.expires
        };
        let settings = &self.settings;
        let mut headers = Headers::new();
        headers.push(name::MAX_FORWARDS, "70");
        for route in &settings.routes {
            headers.push(name::ROUTE, route.to_string());
        }
        let aor = NameAddr::new(settings.aor.clone());
        headers.push(name::FROM, aor.clone().with_tag(&self.tag).to_string());
        headers.push(name::TO, aor.to_string());
        headers.push(name::CALL_ID, self.call_id.as_str());
        headers.push(name::CSEQ, format!("{} REGISTER", self.sequence));
        let seconds = expires.as_secs();
        let mut contact = NameAddr::new(self.contact(place));
        contact.params.set("expires", Some(&seconds.to_string()));
        headers.push(name::CONTACT, contact.to_string());
        if let Some(stale) = &self.stale {
            let mut stale = NameAddr::new(stale.clone());
            stale.params.set("expires", Some("0"));
            headers.push(name::CONTACT, stale.to_string());
        }
        headers.push("Expires", seconds.to_string());
        headers.push("Supported", "path");
        let uri = settings.registrar.to_string();
        let asked = ("REGISTER", uri.as_str());
        self.auth
            .sign(&mut headers, &settings.login, asked, &mut self.rng);
        Request {
            method: Method::parse("REGISTER"),
            uri: RequestUri::Known(settings.registrar.clone()),
            headers,
            body: Bytes::new(),
        }
    }

    /// Where calls are to come.
    pub(super) fn contact(&self, place: &Place) -> Uri {
        let address = self.seen.unwrap_or(place.local);
        let mut uri = Uri::sip(Some(&self.settings.contact_user), address);
        if let Some(transport) = place.target.transport.parameter() {
            uri.params.set("transport", Some(transport));
        }
        uri
    }
}
