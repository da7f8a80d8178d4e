//! Words as a telephone leaves them: folded, stemmed, compared by letters and by sound.

/// A word of an utterance in the forms it is compared in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    /// Lower case, without its ending.
    pub(super) stem: String,
    /// How it sounds, roughly.
    sound: String,
}

/// Words of a text: lower case, contractions opened, punctuation gone.
pub(crate) fn tokens(text: &str) -> Vec<String> {
    let folded: String = text
        .chars()
        .flat_map(char::to_lowercase)
        .map(|c| match c {
            '\u{2019}' | '\u{2018}' | '`' => '\'',
            c if c.is_alphanumeric() || c == '\'' => c,
            _ => ' ',
        })
        .collect();
    let mut words = Vec::new();
    for raw in folded.split_whitespace() {
        let word = raw.trim_matches('\'');
        match opened(word) {
            Some(parts) => words.extend(parts.split(' ').map(str::to_owned)),
            None => words.push(word.strip_suffix("'s").unwrap_or(word).replace('\'', "")),
        }
    }
    words.retain(|word| !word.is_empty());
    joined(words)
}

/// "Good bye" is one word, however it is written down.
fn joined(words: Vec<String>) -> Vec<String> {
    let mut out: Vec<String> = Vec::with_capacity(words.len());
    for word in words {
        match out.last_mut() {
            Some(last) if last == "good" && word == "bye" => last.push_str("bye"),
            Some(_) | None => out.push(word),
        }
    }
    out
}

impl Word {
    pub(super) fn new(token: &str) -> Self {
        Self {
            stem: stem(token),
            sound: sound(token),
        }
    }

    /// How much two words are the same, from 0 to 1.
    pub(super) fn likeness(&self, other: &Self) -> f32 {
        if self.stem == other.stem {
            return 1.0;
        }
        let longest = self.stem.chars().count().max(other.stem.chars().count());
        let shortest = self.stem.chars().count().min(other.stem.chars().count());
        if shortest < 4 {
            return 0.0;
        }
        if self.sound == other.sound && self.sound.len() >= 2 {
            return if self.sound.len() >= 3 { 0.9 } else { 0.7 };
        }
        if shortest < 5 {
            return 0.0;
        }
        let close = 1.0 - share(distance(&self.stem, &other.stem), longest);
        if close >= 0.75 { close } else { 0.0 }
    }

    /// Whether the word carries little meaning by itself.
    pub(super) fn is_filler(&self) -> bool {
        FILLERS.binary_search(&self.stem.as_str()).is_ok()
    }
}

#[expect(clippy::cast_precision_loss, reason = "lengths of words")]
fn share(part: usize, whole: usize) -> f32 {
    part as f32 / whole.max(1) as f32
}

fn opened(word: &str) -> Option<&'static str> {
    CONTRACTIONS
        .iter()
        .find(|(short, _)| *short == word)
        .map(|(_, long)| *long)
}

/// Cuts English endings; the rest need not be a word as long as it is the same for all forms.
fn stem(token: &str) -> String {
    let length = token.chars().count();
    let cut = |ending: &str, least: usize| {
        token
            .strip_suffix(ending)
            .filter(|_| length >= ending.len() + least)
    };
    if let Some(base) = cut("ies", 2) {
        return format!("{base}y");
    }
    if let Some(base) = cut("ing", 3) {
        return undouble(base);
    }
    if let Some(base) = cut("ed", 3) {
        return undouble(base);
    }
    if let Some(base) = cut("es", 3).filter(|base| base.ends_with(['s', 'x', 'h', 'z'])) {
        return base.to_owned();
    }
    match cut("s", 3).filter(|base| !base.ends_with(['s', 'u', 'i'])) {
        Some(base) => base.trim_end_matches('e').to_owned(),
        None if length > 3 => token.trim_end_matches('e').to_owned(),
        None => token.to_owned(),
    }
}

fn undouble(base: &str) -> String {
    let mut letters: Vec<char> = base.chars().collect();
    if let [.., a, b] = letters.as_slice()
        && a == b
        && !"lsaeiou".contains(*a)
    {
        letters.pop();
    }
    let joined: String = letters.into_iter().collect();
    joined.trim_end_matches('e').to_owned()
}

/// Consonants by the way they sound; vowels only count at the start.
fn sound(token: &str) -> String {
    let softened = token
        .replace("tia", "s")
        .replace("tio", "s")
        .replace("cia", "s")
        .replace("sch", "s")
        .replace("sh", "s")
        .replace("ch", "s")
        .replace("ck", "k")
        .replace("ph", "f")
        .replace("ght", "t")
        .replace("wh", "w");
    let mut sound = String::new();
    let letters: Vec<char> = softened.chars().collect();
    for (index, letter) in letters.iter().enumerate() {
        let soft = letters
            .get(index + 1)
            .is_some_and(|next| "eiy".contains(*next));
        let class = match letter {
            'b' | 'p' => 'p',
            'c' if soft => 's',
            'c' | 'k' | 'q' | 'g' => 'k',
            'd' | 't' => 't',
            'f' | 'v' => 'f',
            'j' | 's' | 'x' | 'z' => 's',
            'm' | 'n' => 'n',
            'l' | 'r' => *letter,
            'a' | 'e' | 'i' | 'o' | 'u' | 'y' if index == 0 => 'a',
            'w' | 'h' if index == 0 => *letter,
            digit if digit.is_ascii_digit() => *digit,
            _ => continue,
        };
        if !sound.ends_with(class) {
            sound.push(class);
        }
    }
    sound
}

/// Letters to change, add or drop to make one word of the other.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut corner = i;
        let mut beside = i + 1;
        if let Some(first) = row.first_mut() {
            *first = beside;
        }
        for (b, cell) in right.iter().zip(row.iter_mut().skip(1)) {
            let best = (corner + usize::from(a != *b))
                .min(*cell + 1)
                .min(beside + 1);
            corner = *cell;
            *cell = best;
            beside = best;
        }
    }
    row.last().copied().unwrap_or(0)
}

const CONTRACTIONS: &[(&str, &str)] = &[
    ("ain't", "is not"),
    ("aren't", "are not"),
    ("can't", "can not"),
    ("cannot", "can not"),
    ("could've", "could have"),
    ("couldn't", "could not"),
    ("didn't", "did not"),
    ("didnt", "did not"),
    ("doesn't", "does not"),
    ("don't", "do not"),
    ("dont", "do not"),
    ("gonna", "going to"),
    ("gotta", "got to"),
    ("hadn't", "had not"),
    ("hasn't", "has not"),
    ("haven't", "have not"),
    ("he'll", "he will"),
    ("he's", "he is"),
    ("here's", "here is"),
    ("how'd", "how did"),
    ("how's", "how is"),
    ("i'd", "i would"),
    ("i'll", "i will"),
    ("i'm", "i am"),
    ("i've", "i have"),
    ("isn't", "is not"),
    ("it'd", "it would"),
    ("it'll", "it will"),
    ("it's", "it is"),
    ("let's", "let us"),
    ("mightn't", "might not"),
    ("mustn't", "must not"),
    ("needn't", "need not"),
    ("she'll", "she will"),
    ("she's", "she is"),
    ("should've", "should have"),
    ("shouldn't", "should not"),
    ("that'd", "that would"),
    ("that'll", "that will"),
    ("that's", "that is"),
    ("there'll", "there will"),
    ("there's", "there is"),
    ("they'd", "they would"),
    ("they'll", "they will"),
    ("they're", "they are"),
    ("they've", "they have"),
    ("wanna", "want to"),
    ("wasn't", "was not"),
    ("we'd", "we would"),
    ("we'll", "we will"),
    ("we're", "we are"),
    ("we've", "we have"),
    ("weren't", "were not"),
    ("what's", "what is"),
    ("when's", "when is"),
    ("where's", "where is"),
    ("who's", "who is"),
    ("won't", "will not"),
    ("wont", "will not"),
    ("would've", "would have"),
    ("wouldn't", "would not"),
    ("you'd", "you would"),
    ("you'll", "you will"),
    ("you're", "you are"),
    ("you've", "you have"),
];

/// Stems of words that say little; sorted.
const FILLERS: &[&str] = &[
    "a", "actually", "ah", "am", "an", "and", "are", "at", "be", "but", "can", "could", "did",
    "do", "doe", "er", "erm", "ever", "for", "from", "giv", "go", "good", "got", "had", "has",
    "hav", "hello", "hey", "hi", "i", "if", "in", "is", "it", "just", "know", "lik", "m", "may",
    "me", "mean", "might", "my", "need", "now", "of", "oh", "on", "or", "our", "pleas", "please",
    "really", "s", "so", "some", "sorry", "tell", "that", "the", "then", "there", "thi", "this",
    "to", "uh", "um", "us", "wa", "want", "was", "we", "well", "were", "will", "with", "wonder",
    "would", "yeah", "you", "your",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn like(left: &str, right: &str) -> f32 {
        Word::new(left).likeness(&Word::new(right))
    }

    #[test]
    fn fillers_are_sorted_for_the_search() {
        assert!(FILLERS.is_sorted());
    }

    #[test]
    fn contractions_open_and_punctuation_goes() {
        assert_eq!(
            tokens("Where\u{2019}s my parcel?!"),
            ["where", "is", "my", "parcel"]
        );
        assert_eq!(tokens("the courier's van"), ["the", "courier", "van"]);
    }

    #[test]
    fn forms_of_a_word_are_the_same_word() {
        for (left, right) in [
            ("delivery", "deliveries"),
            ("open", "opening"),
            ("track", "tracking"),
            ("change", "changing"),
            ("change", "changed"),
            ("parcel", "parcels"),
            ("close", "closed"),
            ("stop", "stopped"),
            ("box", "boxes"),
        ] {
            assert!(
                (like(left, right) - 1.0).abs() < f32::EPSILON,
                "{left} {right}"
            );
        }
    }

    #[test]
    fn what_sounds_alike_is_alike() {
        for (left, right) in [
            ("parcel", "partial"),
            ("parcel", "parcell"),
            ("delivery", "delivary"),
        ] {
            assert!(like(left, right) > 0.7, "{left} {right}");
        }
        for (left, right) in [("parcel", "person"), ("open", "often"), ("date", "late")] {
            assert!(like(left, right) < 0.75, "{left} {right}");
        }
    }
}
