//! The exit codes: what a script can tell apart.

use std::process::ExitCode;

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Success,
    Failure,
    Usage,
    Refused,
    NotFound,
    Conflict,
    Unavailable,
    ApiKeyNotValid,
    Interrupted,
}

impl Ending {
    const ALL: [Self; 9] = [
        Self::Success,
        Self::Failure,
        Self::Usage,
        Self::Refused,
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
            Self::Refused => 3,
            Self::NotFound => 4,
            Self::Conflict => 5,
            Self::Unavailable => 6,
            Self::ApiKeyNotValid => 7,
            // As shells count a program that SIGINT has ended.
            Self::Interrupted => 130,
        }
    }

    const fn meaning(self) -> &'static str {
        match self {
            Self::Success => "it is done; of `audit tail`: it was ended by Ctrl-C",
            Self::Failure => "the service failed, or its answer is not understood or cannot be written",
            Self::Usage => "the arguments make no request; nothing was sent",
            Self::Refused => "the service refused the request, for another reason than those below",
            Self::NotFound => "something that the request names does not exist",
            Self::Conflict => "the request contradicts what is stored",
            Self::Unavailable => "the service cannot be reached, or has no room; try again later",
            Self::ApiKeyNotValid => "`api-key verify`: the key is not valid",
            Self::Interrupted => "Ctrl-C",
        }
    }
}

impl From<Ending> for ExitCode {
    fn from(ending: Ending) -> Self {
        Self::from(ending.code())
    }
}

/// The list that help ends with.
pub(crate) fn list() -> String {
    let lines = Ending::ALL.map(|ending| format!("\n  {:>3}  {}", ending.code(), ending.meaning()));
    format!("Exit codes:{}", lines.concat())
}

#[cfg(test)]
mod tests {
    use super::Ending;

    #[test]
    fn the_readme_lists_every_code() {
        let readme = include_str!("../README.md");
        for ending in Ending::ALL {
            let row = format!("| {} | {} |", ending.code(), ending.meaning());
            assert!(readme.contains(&row), "{row}");
        }
    }
}
