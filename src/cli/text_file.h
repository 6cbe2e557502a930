// SPDX-License-Identifier: MIT
#ifndef GYRE_CLI_TEXT_FILE_H
#define GYRE_CLI_TEXT_FILE_H

#include <stddef.h>

// The whole of a file, or of standard input for "-"; malloc'ed, not terminated. NULL after a
// complaint.
char *text_file_read(const char *path, size_t *size);

// The path as messages name it.
const char *text_file_name(const char *path);

#endif
