//! Processor time of other programs. Unlike the time on the wall it hardly changes when the machine has much else to do.

use std::fs;
use std::time::Duration;

use anyhow::Context as _;

/// Kernel ticks in a second, as `/proc` counts: 100 on every Linux (`sysconf(_SC_CLK_TCK)`).
const TICKS: f64 = 100.0;

/// User and system time of what a function runs and waits for, with what those programs ran and waited for.
///
/// # Errors
///
/// What the function fails with, or there is no `/proc` (the comparison needs Linux).
pub(super) fn of_children(run: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<Duration> {
    let before = children()?;
    run()?;
    Ok(Duration::from_secs_f64((children()? - before) as f64 / TICKS))
}

/// `cutime` and `cstime` of this process (proc(5)).
fn children() -> anyhow::Result<u64> {
    let text = fs::read_to_string("/proc/self/stat").context("processor time is read from /proc")?;
    // The second field is a name in parentheses that may hold spaces; the third starts after it.
    let rest = text.rsplit_once(')').map_or("", |(_, rest)| rest);
    let fields = rest.split_whitespace().collect::<Vec<_>>();
    let field = |number: usize| fields.get(number - 3).and_then(|text| text.parse::<u64>().ok());
    field(16).zip(field(17)).map(|(user, system)| user + system).context("/proc/self/stat has other fields")
}

/// The middle of some figures; of an even number, the mean of the two in the middle.
pub(super) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    let middle = figures.len() / 2;
    match figures.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => figures[middle],
        _ => f64::midpoint(figures[middle - 1], figures[middle]),
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_busy_child_is_counted_and_an_idle_one_is_not() {
        let run = |script: &str| {
            of_children(|| {
                Command::new("sh").args(["-c", script]).status()?;
                Ok(())
            })
        };
        let busy = run("i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done").unwrap();
        assert!(busy > Duration::from_millis(20), "{busy:?}");
    }

    #[test]
    fn medians() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
    }
}
