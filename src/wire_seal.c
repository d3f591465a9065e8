/*
** wire_seal.c - Does a packed string come from this process?
**
** A string that names modules or calls constructors makes 'unpack' run code,
** so it must come from one who may ask for that. Packing seals such a string
** with SipHash-2-4 under a secret key; forked children have the same key.
**
** Process-wide: the key. Plain C.
*/
#include <pthread.h>
#include <sys/random.h>

#include "wire_coder.h"

typedef struct Sip {
  uint64_t v0, v1, v2, v3;
} Sip;

static uint64_t key[2];
static bool haskey; /* without one, nothing is sealed validly */
static pthread_once_t once = PTHREAD_ONCE_INIT;


static void draw (void) {
  haskey = getrandom(key, sizeof key, 0) == sizeof key;
}


void sk_seal_init (void) {
  pthread_once(&once, draw);
}


static inline uint64_t rotl (uint64_t x, int n) {
  return (x << n) | (x >> (64 - n));
}


static inline void mix (Sip *s) {
  s->v0 += s->v1;
  s->v2 += s->v3;
  s->v1 = rotl(s->v1, 13) ^ s->v0;
  s->v3 = rotl(s->v3, 16) ^ s->v2;
  s->v0 = rotl(s->v0, 32);
  s->v2 += s->v1;
  s->v0 += s->v3;
  s->v1 = rotl(s->v1, 17) ^ s->v2;
  s->v3 = rotl(s->v3, 21) ^ s->v0;
  s->v2 = rotl(s->v2, 32);
}


static inline void absorb (Sip *s, uint64_t m) {
  s->v3 ^= m;
  mix(s);
  mix(s);
  s->v0 ^= m;
}


static uint64_t siphash (const unsigned char *p, size_t n) {
  Sip s = {key[0] ^ 0x736f6d6570736575u, key[1] ^ 0x646f72616e646f6du,
           key[0] ^ 0x6c7967656e657261u, key[1] ^ 0x7465646279746573u};
  size_t whole = n & ~(size_t)7;
  uint64_t m, last = (uint64_t)n << 56;
  for (size_t i = 0; i < whole; i += 8) {
    memcpy(&m, p + i, sizeof m);
    absorb(&s, le64toh(m));
  }
  for (size_t i = whole; i < n; i++)
    last |= (uint64_t)p[i] << (8 * (i - whole));
  absorb(&s, last);
  s.v2 ^= 0xff;
  for (int i = 0; i < 4; i++) mix(&s);
  return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}


uint64_t sk_seal_of (const void *bytes, size_t n) {
  return haskey ? siphash(bytes, n) : 0;
}


bool sk_seal_fits (const void *bytes, size_t n, uint64_t seal) {
  return haskey && siphash(bytes, n) == seal;
}
