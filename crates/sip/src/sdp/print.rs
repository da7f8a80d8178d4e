//! Descriptions to text.

use std::fmt;

use super::session::{Attribute, Session};

impl fmt::Display for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v=0\r\no={}\r\ns={}\r\n", self.origin, self.name)?;
        connection(f, self.connection.as_deref())?;
        write!(f, "t={}\r\n", self.time)?;
        attributes(f, &self.attributes)?;
        for media in &self.media {
            let formats = media.formats.join(" ");
            write!(
                f,
                "m={} {} {} {formats}\r\n",
                media.kind, media.port, media.protocol
            )?;
            connection(f, media.connection.as_deref())?;
            attributes(f, &media.attributes)?;
        }
        Ok(())
    }
}

fn connection(f: &mut fmt::Formatter<'_>, value: Option<&str>) -> fmt::Result {
    value.map_or(Ok(()), |value| write!(f, "c={value}\r\n"))
}

fn attributes(f: &mut fmt::Formatter<'_>, list: &[Attribute]) -> fmt::Result {
    for attribute in list {
        match &attribute.value {
            Some(value) => write!(f, "a={}:{value}\r\n", attribute.name)?,
            None => write!(f, "a={}\r\n", attribute.name)?,
        }
    }
    Ok(())
}
