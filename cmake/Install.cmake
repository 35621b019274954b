# `cmake --install build/PRESET --prefix P`: the program, one static library of all layers with its
# public headers, and what find_package(signalbox) and pkg-config read. Needs the whole build
# (`script/build PRESET`).
#
# A static library brings nothing along: signalbox-config.cmake.in and signalbox.pc.in name again
# what the layers link. The libraries of headers alone have done their part.

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

get_property(objects GLOBAL PROPERTY SIGNALBOX_OBJECTS)
get_property(linked GLOBAL PROPERTY SIGNALBOX_LINKED)
list(REMOVE_DUPLICATES linked)
list(REMOVE_ITEM linked Boost::headers CLI11::CLI11)

add_library(signalbox_installed STATIC ${objects})
set_target_properties(signalbox_installed PROPERTIES
    OUTPUT_NAME signalbox EXPORT_NAME signalbox LINKER_LANGUAGE CXX
    ARCHIVE_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
target_link_libraries(signalbox_installed PRIVATE ${linked})
target_compile_features(signalbox_installed INTERFACE cxx_std_23)

install(TARGETS signalbox RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS signalbox_installed EXPORT signalbox
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY include/signalbox DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
    FILES_MATCHING PATTERN *.h)
install(FILES LICENSE CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})

# The pages of the test client, where the program looks for them (src/app/resource_root.h).
install(DIRECTORY tests/websocket/ DESTINATION ${CMAKE_INSTALL_DATADIR}/signalbox/tests/websocket
    FILES_MATCHING PATTERN *.html PATTERN *.js)
install(FILES node_modules/socket.io-client/dist/socket.io.min.js OPTIONAL
    DESTINATION ${CMAKE_INSTALL_DATADIR}/signalbox/node_modules/socket.io-client/dist)

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/signalbox)
install(EXPORT signalbox NAMESPACE signalbox:: DESTINATION ${package} FILE signalbox-targets.cmake)
configure_package_config_file(cmake/signalbox-config.cmake.in
    ${CMAKE_BINARY_DIR}/signalbox-config.cmake INSTALL_DESTINATION ${package})
# Before 1.0 a minor version may change what programs use.
write_basic_package_version_file(${CMAKE_BINARY_DIR}/signalbox-config-version.cmake
    COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/signalbox-config.cmake
    ${CMAKE_BINARY_DIR}/signalbox-config-version.cmake DESTINATION ${package})
# Its prefix is found from its own place: lib/pkgconfig, or lib/ARCHITECTURE/pkgconfig.
file(RELATIVE_PATH up /p/${CMAKE_INSTALL_LIBDIR}/pkgconfig /p)
configure_file(cmake/signalbox.pc.in ${CMAKE_BINARY_DIR}/signalbox.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/signalbox.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
