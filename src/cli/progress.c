// SPDX-License-Identifier: MIT
#include "progress.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "term.h"

enum { BAR_WIDTH = 24 };
static const double redraw_s = 0.05;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void progress_begin(struct progress *progress, size_t n_total)
{
    *progress = (struct progress){.n_total = n_total, .is_shown = term_is(stderr)};
}

static void draw(const struct progress *progress, const char *label)
{
    char bar[BAR_WIDTH + 1];
    size_t n_total = progress->n_total > 0 ? progress->n_total : 1;
    size_t filled = progress->n_done * BAR_WIDTH / n_total;
    memset(bar, '-', BAR_WIDTH);
    memset(bar, '#', filled < BAR_WIDTH ? filled : BAR_WIDTH);
    bar[BAR_WIDTH] = '\0';
    int room = term_width(stderr) - BAR_WIDTH - 24;
    fprintf(stderr, "\r[%s] %zu/%zu %.*s\033[K", bar, progress->n_done, progress->n_total,
            room > 0 ? room : 0, label);
    fflush(stderr);
}

void progress_step(struct progress *progress, const char *label)
{
    progress->n_done++;
    if (!progress->is_shown || now() - progress->drawn_at < redraw_s)
        return;
    progress->drawn_at = now();
    draw(progress, label);
}

void progress_clear(struct progress *progress)
{
    if (progress->is_shown && progress->drawn_at > 0)
        fputs("\r\033[K", stderr);
    progress->drawn_at = 0;
}
