//! Exit codes of the program.

use std::process::ExitCode;

/// An outcome of the program that has its own exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Success,
    Failure,
    Usage,
    Rejected,
    NotFound,
    Conflict,
    Unavailable,
    ApiKeyNotValid,
    Interrupted,
}

impl Exit {
    const ALL: [Self; 9] = [
        Self::Success,
        Self::Failure,
        Self::Usage,
        Self::Rejected,
        Self::NotFound,
        Self::Conflict,
        Self::Unavailable,
        Self::ApiKeyNotValid,
        Self::Interrupted,
    ];

    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failure => 1,
            Self::Usage => 2,
            Self::Rejected => 3,
            Self::NotFound => 4,
            Self::Conflict => 5,
            Self::Unavailable => 6,
            Self::ApiKeyNotValid => 7,
            // The convention of shells for a program that SIGINT ended.
            Self::Interrupted => 130,
        }
    }

    const fn meaning(self) -> &'static str {
        match self {
            Self::Success => "success; for `audit tail`: stopped by Ctrl-C",
            Self::Failure => "the service failed, or its response is invalid or cannot be written",
            Self::Usage => "invalid arguments; nothing was changed",
            Self::Rejected => "the service rejected the request for a reason that is not listed below",
            Self::NotFound => "a resource in the request does not exist",
            Self::Conflict => "the request conflicts with stored data",
            Self::Unavailable => "the service is unreachable or overloaded; try again later",
            Self::ApiKeyNotValid => "`api-key verify`: the API key is not valid",
            Self::Interrupted => "interrupted by Ctrl-C",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// The list of exit codes at the end of the help.
pub(crate) fn help() -> String {
    let lines = Exit::ALL.map(|exit| format!("\n  {:>3}  {}", exit.code(), exit.meaning()));
    format!("Exit codes:{}", lines.concat())
}

#[cfg(test)]
mod tests {
    use super::Exit;

    #[test]
    fn the_readme_lists_every_code() {
        let readme = include_str!("../README.md");
        for exit in Exit::ALL {
            let row = format!("| {} | {} |", exit.code(), exit.meaning());
            assert!(readme.contains(&row), "{row}");
        }
    }
}
