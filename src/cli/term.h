// SPDX-License-Identifier: MIT
// What a terminal can do. Colour is used on a terminal only, and never with NO_COLOR set.
#ifndef GYRE_CLI_TERM_H
#define GYRE_CLI_TERM_H

#include <stdbool.h>
#include <stdio.h>

enum style { STYLE_NONE, STYLE_BOLD, STYLE_DIM, STYLE_RED, STYLE_GREEN, STYLE_YELLOW, N_STYLES };

bool term_is(FILE *file);
int term_width(FILE *file); // columns; 0: not a terminal, no limit

// The escape sequence that switches to a style; "" where colour is not wanted.
const char *style(FILE *file, enum style style);

#endif
