/* The least that a FastCGI worker can do: threads that answer every request with the
 * same few bytes. What nginx, FastCGI and the client cost without any work. */
#include <fcgiapp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FCGI_SOCKET 0	/* given by spawn-fcgi, as to the store's own workers */

static const char answer[] =
"Status: 201 Created\r\n"
"Content-Type: application/json\r\n"
"\r\n"
"{\"reservation\":{\"id\":\"7d3c1f3e-55a1-4d0e-9a3b-2f6d8f1c0b11\",\"status\":\"active\"}}";

static void *
accept_loop(void *arg)
{
	FCGX_Request fcgi;

	(void)arg;
	FCGX_InitRequest(&fcgi, FCGI_SOCKET, 0);
	while (FCGX_Accept_r(&fcgi) == 0) {
		FCGX_PutStr(answer, (int)sizeof(answer) - 1, fcgi.out);
		FCGX_Finish_r(&fcgi);
	}
	return NULL;
}

int
main(int argc, char **argv)
{
	int threads = argc == 2 ? atoi(argv[1]) : 0;

	if (threads < 1) {
		fputs("Usage: fcgi_floor THREADS, with a listening socket as descriptor 0\n", stderr);
		return 2;
	}
	if (FCGX_Init() != 0 || FCGX_IsCGI()) {
		fputs("fcgi_floor: descriptor 0 is no listening socket\n", stderr);
		return EXIT_FAILURE;
	}
	for (int i = 0; i < threads; i++) {
		pthread_t id;

		if (pthread_create(&id, NULL, accept_loop, NULL) != 0)
			return EXIT_FAILURE;
		pthread_detach(id);
	}
	pause();
	return EXIT_SUCCESS;
}
