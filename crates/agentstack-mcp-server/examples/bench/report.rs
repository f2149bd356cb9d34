//! The figures, as a table and as JSON.

use std::fmt;

use serde_json::{Value, json};

use crate::series::Series;

#[derive(Default)]
pub(crate) struct Report(Vec<Figure>);

struct Figure {
    name: String,
    value: f64,
    unit: &'static str,
    /// What 99 of 100 stay below.
    p99: Option<f64>,
    /// What the value is to stay below.
    goal: Option<f64>,
}

impl Report {
    /// The median and the 99th percentile of a series.
    pub(crate) fn time(&mut self, name: &str, series: &Series) {
        let (value, p99) = (series.median(), Some(series.quantile(0.99)));
        self.0.push(Figure { name: name.to_owned(), value, unit: "µs", p99, goal: None });
    }

    /// A figure that should stay at or below a goal.
    pub(crate) fn figure(&mut self, name: &str, value: f64, unit: &'static str, goal: Option<f64>) {
        self.0.push(Figure { name: name.to_owned(), value, unit, p99: None, goal });
    }

    pub(crate) fn json(&self) -> Value {
        let figure = |f: &Figure| json!({"name": f.name, "value": f.value, "unit": f.unit, "p99": f.p99, "goal": f.goal, "met": f.met()});
        self.0.iter().map(figure).collect()
    }
}

impl Figure {
    /// `None` without a goal, and if the machine was too busy to tell: what is left of a time without a part
    /// that was measured beside it can be less than nothing.
    fn met(&self) -> Option<bool> {
        self.goal.filter(|_| self.value > 0.0).map(|goal| self.value <= goal)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| what | value | p99 | goal | |\n|---|---:|---:|---:|---|")?;
        for figure in &self.0 {
            let p99 = figure.p99.map_or_else(String::new, number);
            let goal = figure.goal.map_or_else(String::new, number);
            let verdict = match (figure.met(), figure.goal) {
                (Some(true), _) => "met",
                (Some(false), _) => "MISSED",
                (None, Some(_)) => "unclear",
                (None, None) => "",
            };
            let (name, value, unit) = (&figure.name, number(figure.value), figure.unit);
            writeln!(f, "| {name} | {value} {unit} | {p99} | {goal} | {verdict} |")?;
        }
        Ok(())
    }
}

fn number(value: f64) -> String {
    if value.abs() >= 100.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}
