//! Several shares of the attention mass, as they are typed.

use mesm::ModelConfig;

/// Longest list of p.
const MOST: usize = 1000;

/// Values of p, rising.
#[derive(Debug, Clone, PartialEq)]
pub struct Shares(pub Vec<f32>);

/// Reads `0.1..1.0`, `0.1..1.0:0.05` or `0.3,0.5`.
pub(crate) fn parse_shares(text: &str) -> Result<Shares, String> {
    let number = |text: &str| {
        text.trim()
            .parse::<f64>()
            .map_err(|_| format!("`{text}` is no number"))
    };
    let values: Vec<f64> = match text.split_once("..") {
        None => text.split(',').map(number).collect::<Result<_, _>>()?,
        Some((first, rest)) => {
            let (last, step) = rest.split_once(':').unwrap_or((rest, "0.1"));
            let (first, last, step) = (number(first)?, number(last)?, number(step)?);
            let count = ((last - first) / step + 1e-6).floor();
            if !(step > 0.0 && (0.0..MOST as f64).contains(&count)) {
                return Err(format!(
                    "a rising range of at most {MOST} steps is needed, such as 0.1..1.0:0.1"
                ));
            }
            (0..=count as usize)
                .map(|n| first + step * n as f64)
                .collect()
        }
    };
    // Steps of a tenth are not exact in binary: 0.30000000000000004 is meant to be 0.3.
    let mut values: Vec<f32> = values
        .into_iter()
        .map(|value| ((value * 1e6).round() / 1e6) as f32)
        .collect();
    values.sort_by(f32::total_cmp);
    values.dedup();
    for p in &values {
        ModelConfig::check_top_p(*p).map_err(|e| e.to_string())?;
    }
    Ok(Shares(values))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read() {
        let p = |text: &str| parse_shares(text).map(|range| range.0);
        assert_eq!(
            p("0.1..1.0").unwrap(),
            [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
        );
        assert_eq!(p("0.3..0.5:0.05").unwrap(), [0.3, 0.35, 0.4, 0.45, 0.5]);
        assert_eq!(p("0.7, 0.5").unwrap(), [0.5, 0.7]);
        for bad in [
            "",
            "0..1",
            "0.5..0.1",
            "0.1..1.1:0.5",
            "0.1..1:0",
            "0.1..1:-1",
            "x",
            "0.1..1:nan",
        ] {
            assert!(p(bad).is_err(), "{bad}");
        }
    }
}
