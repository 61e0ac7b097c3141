/* A bump allocator over a list of blocks, with clean-ups. */
#include "arena.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_LEN 16384

/* AddressSanitizer sees what runs over a piece only where each is a block of its own. */
#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define ALONE true
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define ALONE true
#endif
#ifndef ALONE
#define ALONE false
#endif

struct block {
	struct block *next;
	size_t len, used;
	max_align_t data[];
};

struct cleanup {
	struct cleanup *next;
	void (*fn)(void *);
	void *ptr;
};

struct arena {
	struct block *blocks;	/* newest first; the last one is kept at a reset */
	struct cleanup *cleanups;
};

static void *
must_alloc(size_t len)
{
	void *p = malloc(len);

	if (p == NULL) {
		fputs("out of memory\n", stderr);
		abort();
	}
	return p;
}

static struct block *
block_new(size_t len, struct block *next)
{
	struct block *b = must_alloc(sizeof(*b) + len);

	b->next = next;
	b->len = len;
	b->used = 0;
	return b;
}

struct arena *
arena_new(void)
{
	struct arena *a = must_alloc(sizeof(*a));

	a->blocks = block_new(BLOCK_LEN, NULL);
	a->cleanups = NULL;
	return a;
}

void
arena_reset(struct arena *a)
{
	/* A clean-up lies in the arena itself, so all run before any block goes. */
	for (struct cleanup *c = a->cleanups; c != NULL; c = c->next)
		c->fn(c->ptr);
	a->cleanups = NULL;

	while (a->blocks->next != NULL) {
		struct block *b = a->blocks;

		a->blocks = b->next;
		free(b);
	}
	a->blocks->used = 0;
}

void
arena_free(struct arena *a)
{
	if (a == NULL)
		return;
	arena_reset(a);
	free(a->blocks);
	free(a);
}

void *
arena_alloc(struct arena *a, size_t size)
{
	const size_t align = _Alignof(max_align_t);
	struct block *b = a->blocks;
	void *p;

	if (size > SIZE_MAX - sizeof(struct block) - align) {
		fputs("out of memory\n", stderr);
		abort();
	}
	if (!ALONE)
		size = (size + align - 1) / align * align;
	if (ALONE || b->len - b->used < size) {
		b = block_new(ALONE || size > BLOCK_LEN ? size : BLOCK_LEN, b);
		a->blocks = b;
	}
	p = (char *)b->data + b->used;
	b->used += size;
	return memset(p, 0, size);
}

char *
arena_strndup(struct arena *a, const char *s, size_t len)
{
	return memcpy(arena_alloc(a, len + 1), s, len);
}

char *
arena_join(struct arena *a, ...)
{
	va_list ap;
	size_t len = 0;
	char *joined, *end;

	va_start(ap, a);
	for (const char *s = va_arg(ap, const char *); s != NULL; s = va_arg(ap, const char *))
		len += strlen(s);
	va_end(ap);
	joined = end = arena_alloc(a, len + 1);
	va_start(ap, a);
	for (const char *s = va_arg(ap, const char *); s != NULL; s = va_arg(ap, const char *))
		end = stpcpy(end, s);
	va_end(ap);
	return joined;
}

char *
arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	int len;
	char *s;

	va_start(ap, fmt);
	len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (len < 0)
		abort();
	s = arena_alloc(a, (size_t)len + 1);
	va_start(ap, fmt);
	vsnprintf(s, (size_t)len + 1, fmt, ap);
	va_end(ap);
	return s;
}

void
arena_defer(struct arena *a, void (*fn)(void *), void *ptr)
{
	struct cleanup *c = arena_alloc(a, sizeof(*c));

	c->fn = fn;
	c->ptr = ptr;
	c->next = a->cleanups;
	a->cleanups = c;
}
