//! Moonshine's `tokenizer.bin`: every token's bytes in order, each with its length in front. A
//! length of 128 or more takes two bytes, low seven bits first; a length of zero is a token that
//! says nothing.

/// Marks the beginning of a word, in place of a space (U+2581).
const WORD: &str = "\u{2581}";

/// Tokens before this one are signs: unknown, start, end.
const WORDS_BEGIN: usize = 3;

/// What each token says.
pub(super) struct Tokens {
    said: Vec<Vec<u8>>,
}

impl Tokens {
    /// Reads the file's bytes; `None` if they end in the middle of a token.
    pub(super) fn parse(mut bytes: &[u8]) -> Option<Self> {
        let mut said = Vec::new();
        while let Some((first, rest)) = bytes.split_first() {
            let (length, rest) = match first {
                0..=127 => (usize::from(*first), rest),
                128..=255 => {
                    let (second, rest) = rest.split_first()?;
                    (usize::from(*second) * 128 + usize::from(*first) - 128, rest)
                }
            };
            said.push(rest.get(..length)?.to_vec());
            bytes = rest.get(length..)?;
        }
        Some(Self { said })
    }

    /// How many tokens there are.
    pub(super) fn len(&self) -> usize {
        self.said.len()
    }

    /// The text these tokens spell.
    pub(super) fn text(&self, tokens: &[i64]) -> String {
        let mut bytes = Vec::new();
        for token in tokens {
            let index = usize::try_from(*token).unwrap_or(usize::MAX);
            let Some(said) = self.said.get(index) else {
                continue;
            };
            // Signs to the model, not words.
            if index < WORDS_BEGIN || said.starts_with(b"<<ST_") {
                continue;
            }
            bytes.extend_from_slice(said);
        }
        String::from_utf8_lossy(&bytes)
            .replace(WORD, " ")
            .trim()
            .to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> Vec<u8> {
        let mut bytes = Vec::new();
        let long = "x".repeat(200);
        for token in [
            "<unk>",
            "<s>",
            "</s>",
            "a",
            "\u{2581}cat",
            "\u{2581}sat",
            &long,
        ] {
            let length = token.len();
            if length >= 128 {
                bytes.push(u8::try_from(length % 128 + 128).unwrap());
                bytes.push(u8::try_from(length / 128).unwrap());
            } else {
                bytes.push(u8::try_from(length).unwrap());
            }
            bytes.extend_from_slice(token.as_bytes());
        }
        bytes
    }

    #[test]
    fn tokens_spell_words() {
        let tokens = Tokens::parse(&file()).unwrap();
        assert_eq!(tokens.len(), 7);
        assert_eq!(tokens.text(&[1, 4, 5, 3, 2, 99, -1]), "cat sata");
        assert_eq!(tokens.text(&[6]).len(), 200);
    }

    #[test]
    fn a_file_cut_short_is_refused() {
        let bytes = file();
        assert!(Tokens::parse(bytes.get(..bytes.len() - 1).unwrap()).is_none());
    }
}
