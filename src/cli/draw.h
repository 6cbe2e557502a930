// SPDX-License-Identifier: MIT
// What pictures have in common: letters, frames and ticks.
#ifndef GYRE_CLI_DRAW_H
#define GYRE_CLI_DRAW_H

#include <stdbool.h>

#include <cairo.h>

#include "colour.h"

enum { TITLE_SIZE = 22, LABEL_SIZE = 15, TICK_SIZE = 13, TICK_LENGTH = 5 }; // pixels

extern const struct colour draw_ink, draw_pale; // of titles and labels; of all that is less

// A white picture, with its surface.
cairo_t *draw_begin(int width, int height, cairo_surface_t **surface);
// Writes it as PNG, and destroys both. False when it cannot be written.
bool draw_finish(cairo_t *cairo, cairo_surface_t *surface, const char *path);

void draw_set_colour(cairo_t *cairo, struct colour colour);
void draw_set_font(cairo_t *cairo, double size, bool is_bold);

// align 0: from x to the right, 0.5: around x, 1: to the left. y is the baseline.
void draw_text(cairo_t *cairo, double x, double y, double align, const char *text);
// Around (x, y), turned by a quarter: read from below, or from above.
void draw_upright_text(cairo_t *cairo, double x, double y, bool is_from_below, const char *text);

// Title, and a line of smaller letters under it.
void draw_titles(cairo_t *cairo, double x, const char *title, const char *subtitle);
// Just outside a rectangle.
void draw_frame(cairo_t *cairo, double x, double y, double width, double height);
void draw_line(cairo_t *cairo, double x, double y, double dx, double dy);

#endif
