//! A table of figures, as Markdown and as LaTeX.

use crate::report::one_cell;

/// One cell.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Nothing was measured.
    Nothing,
    /// A name.
    Text(String),
    /// A name that leads somewhere, several times: text and place.
    Links(Vec<(String, String)>),
    /// Values of several seeds, with the number of digits after the point.
    Values(Vec<f64>, usize),
}

/// A row of cells; those of other people's figures are set apart.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Its cells.
    pub cells: Vec<Cell>,
    /// Whether the figures were published, not measured here.
    pub published: bool,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    /// What stands over it.
    pub title: String,
    /// What must be known to read it.
    pub notes: Vec<String>,
    /// Names of the columns.
    pub head: Vec<String>,
    /// The rows.
    pub rows: Vec<Row>,
    /// For each column whether the largest, the smallest or no value is set off.
    pub best: Vec<Option<Best>>,
}

/// Which value of a column is the best.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Best {
    /// More is better.
    Most,
    /// Less is better.
    Least,
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// Standard deviation of a sample; none of one value.
fn deviation(values: &[f64]) -> Option<f64> {
    let about = mean(values);
    let squares: f64 = values.iter().map(|value| (value - about).powi(2)).sum();
    (values.len() > 1).then(|| (squares / (values.len() - 1) as f64).sqrt())
}

impl Table {
    /// The table as Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut page = ["## ", &self.title, "\n\n"].concat();
        for note in &self.notes {
            page += note;
            page += "\n\n";
        }
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        page += &line(&self.head);
        let rule: Vec<String> = (0..self.head.len())
            .map(|column| if column == 0 { "---" } else { "---:" }.to_owned())
            .collect();
        page += &line(&rule);
        for row in &self.rows {
            let cells: Vec<String> = row
                .cells
                .iter()
                .enumerate()
                .map(|(column, cell)| {
                    let text = match cell {
                        Cell::Nothing => "-".to_owned(),
                        Cell::Text(text) => one_cell(text),
                        Cell::Links(links) => {
                            let links: Vec<String> = links
                                .iter()
                                .map(|(text, place)| format!("[{}]({place})", one_cell(text)))
                                .collect();
                            links.join(" ")
                        }
                        Cell::Values(values, digits) => value(values, *digits, " ± "),
                    };
                    match (row.published, self.is_best(row, column)) {
                        (true, _) if text != "-" => format!("*{text}*"),
                        (false, true) => format!("**{text}**"),
                        _ => text,
                    }
                })
                .collect();
            page += &line(&cells);
        }
        page
    }

    /// The table as LaTeX, for the package `booktabs`.
    #[must_use]
    pub fn latex(&self) -> String {
        let columns = "r".repeat(self.head.len().saturating_sub(1));
        let mut page =
            format!("\\begin{{table}}\n\\centering\n\\begin{{tabular}}{{l{columns}}}\n\\toprule\n");
        let escaped: Vec<String> = self.head.iter().map(|name| escaped(name)).collect();
        page += &(escaped.join(" & ") + " \\\\\n\\midrule\n");
        for row in &self.rows {
            let cells: Vec<String> = row
                .cells
                .iter()
                .enumerate()
                .map(|(column, cell)| {
                    let text = match cell {
                        Cell::Nothing => "--".to_owned(),
                        Cell::Text(text) => self::escaped(text),
                        Cell::Links(links) => {
                            let texts: Vec<String> =
                                links.iter().map(|(text, _)| self::escaped(text)).collect();
                            texts.join(" ")
                        }
                        Cell::Values(values, digits) => {
                            format!("${}$", value(values, *digits, " \\pm "))
                        }
                    };
                    match (row.published, self.is_best(row, column)) {
                        (true, _) if text != "--" => format!("\\textit{{{text}}}"),
                        (false, true) => format!("\\textbf{{{text}}}"),
                        _ => text,
                    }
                })
                .collect();
            page += &(cells.join(" & ") + " \\\\\n");
        }
        page += "\\bottomrule\n\\end{tabular}\n";
        page += "\\caption{";
        page += &self::escaped(&self.title);
        page += "}\n\\end{table}\n";
        page
    }

    /// Whether a row of ours has the best of our means in a column, if that is shared by no other.
    fn is_best(&self, row: &Row, column: usize) -> bool {
        let Some(Some(best)) = self.best.get(column) else {
            return false;
        };
        let sign = match best {
            Best::Most => 1.0,
            Best::Least => -1.0,
        };
        let of = |row: &Row| match row.cells.get(column) {
            Some(Cell::Values(values, _)) if !values.is_empty() && !row.published => {
                Some(sign * mean(values))
            }
            _ => None,
        };
        let Some(own) = of(row) else { return false };
        let as_good = self
            .rows
            .iter()
            .filter_map(of)
            .filter(|other| *other >= own);
        as_good.count() == 1
    }
}

fn value(values: &[f64], digits: usize, within: &str) -> String {
    if values.is_empty() {
        return "-".to_owned();
    }
    let mean = mean(values);
    match deviation(values) {
        Some(deviation) => format!("{mean:.digits$}{within}{deviation:.digits$}"),
        None => format!("{mean:.digits$}"),
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => {
                out.push('\\');
                out.push(letter);
            }
            '\\' => out += "\\textbackslash{}",
            '~' => out += "\\textasciitilde{}",
            '^' => out += "\\textasciicircum{}",
            '⁹' => out += "$^9$",
            '±' => out += "$\\pm$",
            '\n' | '\r' => out.push(' '),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let row = |name: &str, values: &[f64], published| Row {
            cells: vec![
                Cell::Text(name.to_owned()),
                Cell::Values(values.to_vec(), 1),
            ],
            published,
        };
        Table {
            title: "All & sundry".to_owned(),
            notes: vec!["A note.".to_owned()],
            head: vec!["Model".to_owned(), "F1".to_owned()],
            rows: vec![
                row("one|two", &[50.0, 52.0], false),
                row("three_four", &[49.0], false),
                row("theirs", &[60.0], true),
                Row {
                    cells: vec![
                        Cell::Links(vec![("1".into(), "runs/a".into())]),
                        Cell::Nothing,
                    ],
                    published: false,
                },
            ],
            best: vec![None, Some(Best::Most)],
        }
    }

    #[test]
    fn markdown_tells_mean_deviation_and_the_best() {
        let page = table().markdown();
        assert!(page.contains("| one\\|two | **51.0 ± 1.4** |"), "{page}");
        assert!(page.contains("| three_four | 49.0 |"));
        assert!(page.contains("| *theirs* | *60.0* |"));
        assert!(page.contains("| [1](runs/a) | - |"));
    }

    #[test]
    fn latex_is_escaped() {
        let page = table().latex();
        assert!(page.contains("three\\_four & $49.0$ \\\\"), "{page}");
        assert!(page.contains("\\textbf{$51.0 \\pm 1.4$}"));
        assert!(page.contains("\\textit{theirs} & \\textit{$60.0$}"));
        assert!(page.contains("\\caption{All \\& sundry}"));
    }

    #[test]
    fn nobody_is_best_where_two_are_alike() {
        let mut table = table();
        table.rows[1].cells[1] = Cell::Values(vec![51.0], 1);
        assert!(!table.markdown().contains("**"));
    }
}
