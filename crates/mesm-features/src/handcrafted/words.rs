//! Words as the vocabulary of `GloVe` has them.

/// Most words of an utterance that are kept: the originals' sentences are cut to 50.
pub const MAX_WORDS: usize = 50;

/// Endings that the tokeniser of the vocabulary takes off.
const CLITICS: [&str; 7] = ["n't", "'s", "'m", "'d", "'re", "'ve", "'ll"];

/// The words of a text for a look-up in `GloVe` vectors, at most [`MAX_WORDS`].
///
/// **Case**: everything becomes lower case. Most `GloVe` files hold nothing else, and the one that has both
/// (`glove.840B`) has a lower-case entry for nearly every word.
///
/// The vocabulary was counted on text in the manner of the Penn Treebank, and so is this: endings come off (`don't`
/// is `do` and `n't`, `it's` is `it` and `'s`), `cannot` is two words, each mark of punctuation is a word, an
/// ellipsis is `...` and a dash of two `--`. Hyphens within a word stay, as do point, comma and colon between digits.
/// Curly quotes become straight ones. A word that the vectors lack is the caller's to leave out or to replace.
#[must_use]
pub fn word_tokens(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut scan = Scan::new(text);
    while words.len() < MAX_WORDS
        && let Some(token) = scan.next_token()
    {
        push_parts(token, &mut words);
    }
    words.truncate(MAX_WORDS);
    words
}

/// A text with one character of foresight beyond the next.
struct Scan<'a> {
    chars: std::iter::Peekable<std::str::Chars<'a>>,
}

impl<'a> Scan<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            chars: text.chars().peekable(),
        }
    }

    fn next_token(&mut self) -> Option<String> {
        while let Some(first) = self.chars.next() {
            let first = straight(first);
            if first.is_alphanumeric() {
                return Some(self.word(first));
            }
            if matches!(first, '.' | '-') {
                return Some(self.run(first));
            }
            if !first.is_whitespace() && !first.is_control() {
                return Some(first.to_string());
            }
        }
        None
    }

    /// The rest of a word that begins with `first`.
    fn word(&mut self, first: char) -> String {
        let mut word: String = first.to_lowercase().collect();
        let mut last = first;
        while let Some(next) = self.chars.peek().copied().map(straight) {
            let inside = next.is_alphanumeric() || (joins(next) && self.joined(last, next));
            if !inside {
                break;
            }
            self.chars.next();
            word.extend(next.to_lowercase());
            last = next;
        }
        word
    }

    /// Whether the mark that comes next stands between two characters of one word.
    fn joined(&self, before: char, mark: char) -> bool {
        let mut ahead = self.chars.clone();
        ahead.next();
        let after = ahead.next().map_or(' ', straight);
        match mark {
            '\'' | '-' => before.is_alphanumeric() && after.is_alphanumeric(),
            _ => before.is_ascii_digit() && after.is_ascii_digit(),
        }
    }

    /// A run of points or hyphens: one is itself, more are an ellipsis or a dash.
    fn run(&mut self, mark: char) -> String {
        let mut count = 1;
        while self.chars.next_if_eq(&mark).is_some() {
            count += 1;
        }
        match (mark, count) {
            (mark, 1) => mark.to_string(),
            ('.', _) => "...".to_owned(),
            _ => "--".to_owned(),
        }
    }
}

fn joins(mark: char) -> bool {
    matches!(mark, '\'' | '-' | '.' | ',' | ':')
}

/// Typographer's quotes as a keyboard has them; an ellipsis of one character stays for [`push_parts`].
fn straight(mark: char) -> char {
    match mark {
        '\u{2018}' | '\u{2019}' | '\u{02bc}' => '\'',
        '\u{201c}' | '\u{201d}' | '\u{201e}' => '"',
        other => other,
    }
}

/// A token, or the parts it falls into.
fn push_parts(token: String, words: &mut Vec<String>) {
    match token.as_str() {
        "cannot" => words.extend(["can".to_owned(), "not".to_owned()]),
        "\u{2026}" => words.push("...".to_owned()),
        "\u{2013}" | "\u{2014}" => words.push("--".to_owned()),
        whole => {
            let parts = CLITICS.iter().find_map(|clitic| {
                let stem = whole.strip_suffix(clitic)?;
                (!stem.is_empty()).then(|| [stem.to_owned(), (*clitic).to_owned()])
            });
            match parts {
                Some(parts) => words.extend(parts),
                None => words.push(token),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> String {
        word_tokens(text).join(" ")
    }

    #[test]
    fn words_fall_apart_as_in_the_vocabulary() {
        assert_eq!(
            tokens("I don't think it's over!"),
            "i do n't think it 's over !"
        );
        assert_eq!(
            tokens("We cannot, won\u{2019}t; she'll"),
            "we can not , wo n't ; she 'll"
        );
        assert_eq!(
            tokens("a well-known 3.50, 1,000 at 10:30."),
            "a well-known 3.50 , 1,000 at 10:30 ."
        );
        assert_eq!(
            tokens("\u{201c}So...\u{201d} -- hm\u{2026}\u{2014}yes"),
            "\" so ... \" -- hm ... -- yes"
        );
        assert_eq!(
            tokens("'tis o'clock rock 'n' roll-"),
            "' tis o'clock rock ' n ' roll -"
        );
    }

    #[test]
    fn letters_of_any_script_and_nothing_at_all() {
        assert_eq!(
            tokens("\u{c4}RGER \u{dc}BER \u{130}"),
            "\u{e4}rger \u{fc}ber i\u{307}"
        );
        assert_eq!(tokens(" \t\r\n\0\u{a0}"), "");
        assert_eq!(tokens(""), "");
        assert_eq!(tokens("n't 's"), "n't ' s");
    }

    #[test]
    fn fifty_words_at_most() {
        assert_eq!(word_tokens(&"word ".repeat(1_000)).len(), MAX_WORDS);
        // The fiftieth is the first half of a pair.
        let text = format!("{}don't", "a ".repeat(49));
        assert_eq!(word_tokens(&text).last().map(String::as_str), Some("do"));
    }

    #[test]
    fn no_word_is_empty_or_holds_a_space() {
        // Every pair of marks and letters, so that no order of them surprises.
        let marks = [
            "'",
            "-",
            ".",
            ",",
            ":",
            " ",
            "a",
            "1",
            "n't",
            "'s",
            "\u{2019}",
            "\0",
            "\u{1f600}",
        ];
        for a in marks {
            for b in marks {
                for c in marks {
                    for word in word_tokens(&format!("{a}{b}{c}")) {
                        assert!(
                            !word.is_empty() && !word.contains(char::is_whitespace),
                            "{a}{b}{c}"
                        );
                    }
                }
            }
        }
    }
}
