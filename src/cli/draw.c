// SPDX-License-Identifier: MIT
#include "draw.h"

#include <math.h>

const struct colour draw_ink = {0.13, 0.14, 0.17}, draw_pale = {0.42, 0.44, 0.48};

cairo_t *draw_begin(int width, int height, cairo_surface_t **surface)
{
    *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height);
    cairo_t *cairo = cairo_create(*surface);
    cairo_set_source_rgb(cairo, 1, 1, 1);
    cairo_paint(cairo);
    return cairo;
}

bool draw_finish(cairo_t *cairo, cairo_surface_t *surface, const char *path)
{
    bool is_written = cairo_surface_write_to_png(surface, path) == CAIRO_STATUS_SUCCESS;
    cairo_destroy(cairo);
    cairo_surface_destroy(surface);
    return is_written;
}

void draw_set_colour(cairo_t *cairo, struct colour colour)
{
    cairo_set_source_rgb(cairo, colour.r, colour.g, colour.b);
}

void draw_set_font(cairo_t *cairo, double size, bool is_bold)
{
    cairo_select_font_face(cairo, "sans-serif", CAIRO_FONT_SLANT_NORMAL,
                           is_bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(cairo, size);
}

void draw_text(cairo_t *cairo, double x, double y, double align, const char *text)
{
    cairo_text_extents_t extents;
    cairo_text_extents(cairo, text, &extents);
    cairo_move_to(cairo, x - align * extents.x_advance, y);
    cairo_show_text(cairo, text);
}

void draw_upright_text(cairo_t *cairo, double x, double y, bool is_from_below, const char *text)
{
    cairo_save(cairo);
    cairo_translate(cairo, x, y);
    cairo_rotate(cairo, is_from_below ? -acos(0) : acos(0));
    draw_text(cairo, 0, 0, 0.5, text);
    cairo_restore(cairo);
}

void draw_titles(cairo_t *cairo, double x, const char *title, const char *subtitle)
{
    draw_set_colour(cairo, draw_ink);
    draw_set_font(cairo, TITLE_SIZE, true);
    draw_text(cairo, x, 44, 0, title);
    draw_set_colour(cairo, draw_pale);
    draw_set_font(cairo, LABEL_SIZE, false);
    draw_text(cairo, x, 70, 0, subtitle);
}

void draw_frame(cairo_t *cairo, double x, double y, double width, double height)
{
    draw_set_colour(cairo, draw_pale);
    cairo_set_line_width(cairo, 1);
    cairo_rectangle(cairo, x - 0.5, y - 0.5, width + 1, height + 1);
    cairo_stroke(cairo);
}

void draw_line(cairo_t *cairo, double x, double y, double dx, double dy)
{
    cairo_move_to(cairo, x, y);
    cairo_rel_line_to(cairo, dx, dy);
    cairo_stroke(cairo);
}
