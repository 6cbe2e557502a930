// SPDX-License-Identifier: MIT
#include "operators.h"

const char operators_words[] = "all|rope|attention|attention_merge|linear";

const char *operators_prefix(int op)
{
    // In the order of the words.
    static const char *const prefixes[] = {"", "rope/", "attention/", "attention_merge/",
                                           "linear/"};
    return prefixes[op];
}
