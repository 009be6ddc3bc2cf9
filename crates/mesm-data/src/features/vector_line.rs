//! One line of a file of word vectors: a word, and numbers parted by single spaces.

/// Numbers of a vector; published ones have 25 to 300.
const DIMS: std::ops::RangeInclusive<usize> = 2..=4096;

/// Longest line: the most numbers, and a word.
pub(super) const MAX_LINE_BYTES: usize = 128 << 10;

/// A line without its line break.
pub(super) fn whole(line: &[u8]) -> Result<&[u8], String> {
    match line.strip_suffix(b"\n") {
        Some(content) => Ok(content.trim_ascii_end()),
        None if line.len() == MAX_LINE_BYTES => Err(format!(
            "expected a word and its numbers, found a line of more than {MAX_LINE_BYTES} bytes: is this a text file of word vectors?"
        )),
        None => {
            Err("the last line has no line break: is the file cut off? If not, add one".to_owned())
        }
    }
}

/// How many numbers follow the word of the first line.
pub(super) fn dim_of(line: &[u8]) -> Result<usize, String> {
    let numbers: Vec<&[u8]> = line.split(|byte| *byte == b' ').skip(1).collect();
    if let [count] = numbers[..]
        && parsed(count).is_ok()
    {
        let reason = "expected a word and its vector, found two fields: in a file of word2vec or fastText this is the \
            header; remove the first line";
        return Err(reason.to_owned());
    }
    if !DIMS.contains(&numbers.len()) {
        return Err(format!(
            "expected a word and {} to {} numbers, parted by spaces, found {} fields",
            DIMS.start(),
            DIMS.end(),
            numbers.len() + 1
        ));
    }
    for number in &numbers {
        parsed(number)?;
    }
    Ok(numbers.len())
}

/// A line's word and its `dim` numbers.
pub(super) fn split(line: &[u8], dim: usize) -> Result<(&[u8], &[u8]), String> {
    // Counting is what the compiler makes fast, and a file of gigabytes is counted whole.
    let is_space = |byte: &&u8| **byte == b' ';
    let count = line.iter().filter(is_space).count();
    let within_word = count.checked_sub(dim);
    let mut places = (0..line.len()).filter(|at| line[*at] == b' ');
    let Some(at) = within_word.and_then(|spaces| places.nth(spaces)) else {
        return Err(format!(
            "expected a word and {dim} numbers, found {count} numbers: is the file cut off, or put together from two?"
        ));
    };
    let (word, numbers) = (&line[..at], &line[at + 1..]);
    if word.is_empty() {
        return Err(format!(
            "expected a word before its {dim} numbers, found none"
        ));
    }
    // A word that ends in a number is a longer vector; the words with spaces that are published do not.
    let last = word.rsplit(|byte| *byte == b' ').next().unwrap_or_default();
    if last.len() < word.len() && parsed(last).is_ok() {
        return Err(format!(
            "expected a word and {dim} numbers, found more numbers"
        ));
    }
    Ok((word, numbers))
}

/// Finite numbers parted by single spaces.
pub(super) fn parsed(numbers: &[u8]) -> Result<Vec<f32>, String> {
    let fields = numbers.split(|byte| *byte == b' ');
    fields
        .map(|field| {
            let value = std::str::from_utf8(field)
                .ok()
                .and_then(|text| text.parse().ok());
            value
                .filter(|value: &f32| value.is_finite())
                .ok_or_else(|| {
                    let found: String = String::from_utf8_lossy(field).chars().take(40).collect();
                    format!("expected a finite number, found `{found}`")
                })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_counted_from_the_right() {
        assert_eq!(dim_of(b"the 0.5 -1 2e3"), Ok(3));
        assert_eq!(split(b". . . 1 2", 2), Ok((&b". . ."[..], &b"1 2"[..])));
        assert_eq!(
            split(b"3.5 1 2", 2),
            Ok((&b"3.5"[..], &b"1 2"[..])),
            "a number may be a word"
        );
        assert!(split(b"at 3.5 1 2", 2).is_err(), "but not the end of one");
    }

    #[test]
    fn lines_end() {
        assert_eq!(whole(b"a 1 \r\n"), Ok(&b"a 1"[..]));
        assert!(whole(b"a 1").unwrap_err().contains("cut off"));
        assert!(
            whole(&vec![b'a'; MAX_LINE_BYTES])
                .unwrap_err()
                .contains("more than")
        );
    }
}
