//! Processor time and memory of a process.

use std::fs;
use std::time::Duration;

use crate::error::Error;

/// A kind of memory figure.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Memory {
    /// Currently resident.
    Now,
    /// The peak of resident memory.
    Peak,
}

/// The user and system time of a process, in steps of 10 ms.
pub(crate) fn processor_time(id: u32) -> Result<Duration, Error> {
    let file = format!("/proc/{id}/stat");
    let text = fs::read_to_string(&file).map_err(Error::file(&file))?;
    let ticks = processor_ticks(&text).ok_or_else(|| Error::unreadable("a process's state", &text))?;
    let per_second = rustix::param::clock_ticks_per_second();
    Ok(Duration::from_secs(ticks) / u32::try_from(per_second).unwrap_or(u32::MAX))
}

fn processor_ticks(text: &str) -> Option<u64> {
    // The name, in parentheses, may contain anything; user and system time are the 12th and 13th field after it.
    let (_, fields) = text.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11);
    let user: u64 = times.next()?.parse().ok()?;
    let system: u64 = times.next()?.parse().ok()?;
    Some(user + system)
}

/// The memory of a process in MiB.
pub(crate) fn memory_mib(id: u32, memory: Memory) -> Result<f64, Error> {
    let file = format!("/proc/{id}/status");
    let text = fs::read_to_string(&file).map_err(Error::file(&file))?;
    let name = match memory {
        Memory::Now => "VmRSS:",
        Memory::Peak => "VmHWM:",
    };
    let kibibytes: Option<f64> = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.trim().strip_suffix(" kB")?.parse().ok());
    Ok(kibibytes.ok_or_else(|| Error::unreadable("a process's memory", &text))? / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::processor_ticks;

    #[test]
    fn processor_time_is_read_behind_any_name() {
        let state = "17 (a) b (c) S 1 17 17 0 -1 4194304 900 0 0 0 250 50 0 0 20 0 9 0 100 0 0";
        assert_eq!(processor_ticks(state), Some(300));
    }
}
