//! The number of a URI, and whether it may be dialled or a phone sent there.

use super::{Uri, unescape};

/// Why nobody is dialled by a URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// What is to be called is not the whole of a number.
    #[error("a number with phone-context cannot be dialled: write the whole number, with its +")]
    Context,
    /// Nothing but blanks.
    #[error("the number is blank: write a number or a SIP user")]
    Blank,
    /// No telephone has such a key.
    #[error("the number has a control character in it (char {0}): take it out")]
    Control(u32),
    /// Longer than a message to send should be.
    #[error(
        "the address is too long: {LONGEST_NUMBER} bytes of a number at most, and {LONGEST} together"
    )]
    Long,
}

impl Uri {
    /// The user part with `%XX` undone and user parameters (`;phone-context=…`) cut off.
    pub fn number(&self) -> String {
        let user = self.user.as_deref().unwrap_or_default();
        unescape(user.split(';').next().unwrap_or(user))
    }

    /// The number, where it says all of who is called: that is what a guard may judge. It is empty where
    /// there is none.
    ///
    /// # Errors
    /// [`NumberError`].
    pub fn dialled(&self) -> Result<String, NumberError> {
        if self.has_context() {
            return Err(NumberError::Context);
        }
        let number = self.number();
        let user = self.user.as_deref().unwrap_or_default();
        if let Some(flaw) = unescape(user).chars().find(|c| c.is_control()) {
            return Err(NumberError::Control(u32::from(flaw)));
        }
        if !number.is_empty() && number.trim().is_empty() {
            return Err(NumberError::Blank);
        }
        if number.len() > LONGEST_NUMBER || self.to_string().len() > LONGEST {
            return Err(NumberError::Long);
        }
        Ok(number)
    }

    /// Does a number that is not whole stand in it? Its context puts digits before it that nobody has
    /// judged (RFC 3966 5.1.5).
    pub fn has_context(&self) -> bool {
        let user = self.user.as_deref().unwrap_or_default();
        let mut text = format!("{user}{}", self.params);
        for _ in 0..UNESCAPED {
            text = unescape(&text);
        }
        text.to_ascii_lowercase().contains(CONTEXT)
    }
}

/// The parameter that says where a number that is not whole is at home.
const CONTEXT: &str = "phone-context";

/// What we escape anew somebody may undo twice.
const UNESCAPED: usize = 3;

/// Of a number: a participant on the phone is `sip_` and its number.
pub const LONGEST_NUMBER: usize = 252;

/// Of an address: it is to fit a datagram with all the rest.
const LONGEST: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> Uri {
        Uri::parse(text).unwrap()
    }

    fn dialled(text: &str) -> Result<String, NumberError> {
        uri(text).dialled()
    }

    #[test]
    fn a_number_that_is_not_whole_is_known_however_it_is_written() {
        for text in [
            "tel:5551234;phone-context=+1900",
            "tel:1234;phone-context=+881",
            "tel:911;PHONE-Context=example.com",
            "sip:5551234;phone-context=+1900@x;user=phone",
            "sip:5551234%3Bphone-context=+1900@x;user=phone",
            "sip:5551234%253Bphone%252Dcontext=+1900@x",
            "sip:5551234;%70hone-context=+1900@x",
            "sip:5551234@x;user=phone;phone-context=+1900",
            "tel:5551234;%70hone%2dcontext=+1900",
        ] {
            assert_eq!(dialled(text), Err(NumberError::Context), "{text}");
        }
        for (text, number) in [
            ("tel:+1-900-555-1234;ext=7", "+1-900-555-1234"),
            ("sip:%2B15550100;isub=1@x", "+15550100"),
            ("sip:pbx.example", ""),
        ] {
            assert_eq!(dialled(text).as_deref(), Ok(number), "{text}");
        }
    }

    #[test]
    fn what_no_telephone_dials_is_no_number() {
        for (text, flaw) in [
            ("sip:%20%20@x", NumberError::Blank),
            ("sip:%00@x", NumberError::Control(0)),
            ("sip:+1%0d%0aX-Evil:1@x", NumberError::Control(13)),
            ("tel:+1%0A", NumberError::Control(10)),
            ("sip:+1;x=%0d@x", NumberError::Control(13)),
        ] {
            assert_eq!(dialled(text), Err(flaw), "{text}");
        }
        let of = |digits: usize| dialled(&format!("tel:{}", "9".repeat(digits)));
        assert!(of(252).is_ok());
        assert_eq!(of(253), Err(NumberError::Long));
        let far = format!("sip:1@x;a={}", "y".repeat(1024));
        assert_eq!(dialled(&far), Err(NumberError::Long));
    }
}
