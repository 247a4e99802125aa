//! `npyo completions` and `npyo man`: what a shell and a reader of manuals want of a command.

use std::io::Write;

use clap::{Args, Command};
use clap_complete::Shell;

use crate::command::{Output, Run};
use crate::failure::Failure;

/// Print the completions of npyo for a shell
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Completions {
    shell: Shell,
}

const EXAMPLES: &str = "\
Examples:
  npyo completions bash > ~/.local/share/bash-completion/completions/npyo
  npyo completions zsh > ~/.zfunc/_npyo
  npyo completions fish > ~/.config/fish/completions/npyo.fish";

/// Print the manual page of npyo
#[derive(Args)]
#[command(after_help = "\
Examples:
  npyo man | man -l -
  npyo man > ~/.local/share/man/man1/npyo.1")]
pub(crate) struct Man;

impl Completions {
    /// Returns the command that prints the completions of `npyo`.
    pub(crate) fn of(&self, mut npyo: Command) -> Printed {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut npyo, "npyo", &mut script);
        Printed(script)
    }
}

impl Man {
    /// Returns the command that prints the page about `npyo`.
    pub(crate) fn of(&self, npyo: Command) -> Printed {
        let mut page = Vec::new();
        clap_mangen::Man::new(npyo).render(&mut page).expect("a Vec takes every byte");
        Printed(page)
    }
}

/// A command that prints a text.
pub(crate) struct Printed(Vec<u8>);

impl Run for Printed {
    fn run(&self, out: &mut Output<'_>) -> Result<(), Failure> {
        Ok(out.write_all(&self.0)?)
    }
}
