//! Names with holes, as `lk` fills them: `%t %T %Y %m %d %H %M %S %x %U %h %p`.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rand::RngCore as _;

/// What the holes are filled with.
#[derive(Clone, Debug)]
struct Filling {
    at: Timestamp,
    user: String,
    host: String,
    process: u32,
    random: [u8; 6],
}

/// Fills the holes of a name with the present moment (in UTC), this user, host and process.
pub(crate) fn fill(name: &str) -> String {
    if !name.contains('%') {
        return name.to_owned();
    }
    let mut random = [0; 6];
    rand::rng().fill_bytes(&mut random);
    let filling = Filling {
        at: Timestamp::now(),
        user: std::env::var("USER").unwrap_or_default(),
        host: host(),
        process: std::process::id(),
        random,
    };
    filled(name, &filling)
}

/// For clap: a name with its holes filled.
pub(crate) fn parse(name: &str) -> Result<String, std::convert::Infallible> {
    Ok(fill(name))
}

fn host() -> String {
    let named = std::env::var("HOSTNAME").ok();
    let kept = || std::fs::read_to_string("/etc/hostname").ok();
    named.or_else(kept).unwrap_or_default().trim().to_owned()
}

fn filled(name: &str, filling: &Filling) -> String {
    let at = filling.at.to_zoned(TimeZone::UTC);
    let mut text = String::with_capacity(name.len() + 16);
    let mut rest = name.chars();
    while let Some(letter) = rest.next() {
        if letter != '%' {
            text.push(letter);
            continue;
        }
        match rest.next() {
            Some('t') => text.push_str(&at.strftime("%Y%m%d%H%M%S").to_string()),
            Some('T') => text.push_str(&at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
            Some(field @ ('Y' | 'm' | 'd' | 'H' | 'M' | 'S')) => {
                text.push_str(&at.strftime(&format!("%{field}")).to_string());
            }
            Some('x') => {
                for byte in filling.random {
                    text.push_str(&format!("{byte:02x}"));
                }
            }
            Some('U') => text.push_str(&filling.user),
            Some('h') => text.push_str(&filling.host),
            Some('p') => text.push_str(&filling.process.to_string()),
            Some(other) => text.extend(['%', other]),
            None => text.push('%'),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filling() -> Filling {
        Filling {
            at: "2027-01-15T08:09:07Z".parse().unwrap(),
            user: "ann".into(),
            host: "box".into(),
            process: 42,
            random: [0, 1, 0xab, 0xff, 4, 5],
        }
    }

    #[test]
    fn every_hole_is_filled() {
        let name = "%t|%T|%Y%m%d|%H:%M:%S|%x|%U@%h#%p";
        assert_eq!(
            filled(name, &filling()),
            "20270115080907|2027-01-15T08:09:07Z|20270115|08:09:07|0001abff0405|ann@box#42"
        );
    }

    #[test]
    fn other_signs_stay() {
        assert_eq!(filled("50% %q %", &filling()), "50% %q %");
        assert_eq!(fill("plain"), "plain");
    }
}
