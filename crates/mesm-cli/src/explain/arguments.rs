//! `mesm explain`, as it is typed.

use std::path::PathBuf;

use clap::Args;

use crate::choices::{DeviceChoice, TEXT_ENCODER_OR_OWN, parse_top_p};

const EXAMPLES: &str = "\
Examples:
  mesm explain STORE --out seen --top-p 0.6           two faces and voices of each class, and the FACS score
  mesm explain STORE --out seen --split valid --examples 4 --highest 0.1
  mesm explain talk.mp4 --out seen --text \"so it is\"  the faces and chunks of a clip
  mesm explain STORE --out seen --json | tail -n 1 | jq '.facs[] | {class, layer, ratio, verdict}'

FOLDER gets explain.md, which shows and explains the others: faces.png and voices.png (the points
that stay active after each of the three attention layers), facs.csv (how many of them lie where the
face moves with an emotion, against a random selection) and regions.png (where that is). Of a store,
the examples are those that the model is surely right about: the largest probability of the class
they belong to, among those judged rightly. The same input gives the same files.

Without --text the points are chosen by a row's own words, or by the empty sentence where it has none.

Exit code: 0 done, 1 the machine failed, 2 the input is at fault.";

/// `mesm explain`.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct ExplainArguments {
    /// A store made by `mesm prepare`, a file that the ffmpeg program reads, or a window exported by the page
    #[arg(value_name = "CLIP|STORE")]
    pub input: PathBuf,
    /// Folder for pictures, tables and their explanation
    #[arg(long, value_name = "FOLDER")]
    pub out: PathBuf,
    /// The split of the store [default: test]
    #[arg(long, value_name = "NAME")]
    pub split: Option<String>,
    /// Examples of each class; of a clip, as many rows as would be those of all classes
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=20))]
    pub examples: u8,
    /// Words that choose the points
    #[arg(long, value_name = "WORDS")]
    pub text: Option<String>,
    /// Trained weights of MESM: .safetensors with its configuration inside, or the authors' .pt
    /// [default: those of the program]
    #[arg(long, value_name = "FILE", verbatim_doc_comment)]
    pub weights: Option<PathBuf>,
    /// Share of the attention mass that is kept, above 0 and up to 1 [default: that of the weights]
    #[arg(long, value_name = "P", value_parser = parse_top_p)]
    pub top_p: Option<f32>,
    /// Show only this share of each spectrogram's values, the highest; 0.1 in the paper's Figure 4
    #[arg(long, value_name = "SHARE", value_parser = parse_share)]
    pub highest: Option<f32>,
    /// Print one JSON object as the last line
    #[arg(long)]
    pub json: bool,
    /// Where to compute
    #[arg(long, value_enum, default_value_t = DeviceChoice::Cpu)]
    pub device: DeviceChoice,
    /// Folder of the text encoder
    #[arg(long, value_name = "FOLDER", help = TEXT_ENCODER_OR_OWN)]
    pub text_encoder: Option<PathBuf>,
    /// Scale a clip's frames down to this many pixels on their longer side
    #[arg(long, value_name = "PIXELS", default_value_t = 640, value_parser = clap::value_parser!(u32).range(48..=8192))]
    pub max_side: u32,
}

fn parse_share(text: &str) -> Result<f32, String> {
    match text.parse::<f32>() {
        Ok(share) if share > 0.0 && share <= 1.0 => Ok(share),
        _ => Err(format!(
            "expected a share above 0 and up to 1, found `{text}`"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::parse_share;

    #[test]
    fn shares_are_parts_of_a_whole() {
        assert_eq!(parse_share("0.1"), Ok(0.1));
        for bad in ["0", "1.1", "nan", "-1", "x"] {
            assert!(parse_share(bad).is_err(), "{bad}");
        }
    }
}
