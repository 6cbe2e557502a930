// SPDX-License-Identifier: MIT
#include "term.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

bool term_is(FILE *file)
{
    return isatty(fileno(file));
}

int term_width(FILE *file)
{
    struct winsize size;
    if (!term_is(file))
        return 0;
    if (ioctl(fileno(file), TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return 80;
    return size.ws_col;
}

const char *style(FILE *file, enum style style)
{
    static const char *const escapes[N_STYLES] = {
        [STYLE_NONE] = "\033[0m", [STYLE_BOLD] = "\033[1m",   [STYLE_DIM] = "\033[2m",
        [STYLE_RED] = "\033[31m", [STYLE_GREEN] = "\033[32m", [STYLE_YELLOW] = "\033[33m",
    };
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    bool is_wanted = term_is(file) && (no_color == NULL || *no_color == '\0') &&
                     (term == NULL || strcmp(term, "dumb") != 0);
    return is_wanted ? escapes[style] : "";
}
