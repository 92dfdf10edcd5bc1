//! Processor time of other programs. Unlike the time on the wall it hardly changes when the machine has much else to do.

use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};

/// User and system time of what a function runs and waits for, with what those programs ran and waited for.
///
/// # Errors
///
/// What the function fails with.
pub(super) fn of_children(run: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<Duration> {
    let before = children()?;
    run()?;
    Ok(children()?.saturating_sub(before))
}

fn children() -> anyhow::Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let microseconds = [usage.user_time(), usage.system_time()].map(|time| time.tv_sec() * 1_000_000 + time.tv_usec());
    Ok(Duration::from_micros(microseconds.into_iter().sum::<i64>().try_into()?))
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
