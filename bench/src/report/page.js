module.exports = { writePage() {} };
