// SPDX-License-Identifier: MIT
// The subcommands of `gyre`, each in cmd_NAME.c, and what they exit with.
#ifndef GYRE_CLI_COMMAND_H
#define GYRE_CLI_COMMAND_H

enum exit_code {
    CODE_OK = 0,
    CODE_FAILED = 1, // a check failed: a result is wrong
    CODE_USAGE = 2,  // wrong arguments, or no such device
    CODE_DEVICE = 3, // a device or a file gave an error
};

// As main(): argv[0] is the subcommand's name.
typedef int command_fn(int argc, char **argv);

command_fn command_attend, command_bench, command_cache, command_demo, command_devices,
    command_explain, command_rope, command_rope_table, command_verify;

// Prints "gyre: ..." on stderr and returns `code`.
__attribute__((format(printf, 2, 3))) int complain(int code, const char *format, ...);

#endif
