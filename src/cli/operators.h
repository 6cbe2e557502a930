// SPDX-License-Identifier: MIT
// --op of the commands that walk over tables of cases.
#ifndef GYRE_CLI_OPERATORS_H
#define GYRE_CLI_OPERATORS_H

#include "options.h"

extern const char operators_words[];

#define OPTION_OPERATORS(op, help)                                                                 \
    {                                                                                              \
        "op", 'o', OPTION_CHOICE, &(op), operators_words, help                                     \
    }

// What the names of the chosen operators' cases begin with.
const char *operators_prefix(int op);

#endif
