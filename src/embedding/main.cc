#include "signalbox/server.h"

int main(int argc, char** argv) {
    return signalbox::Server().run(argc, argv);
}
